// The same bytes for the same content: maps in the order of their keys. Pure, any thread.
#pragma once

#include <google/protobuf/message_lite.h>

#include <string>

namespace gantry::sdk {

std::string stable_bytes(const google::protobuf::MessageLite& message);

}  // namespace gantry::sdk
