// Inside of the codecs: plain protobuf (no envelope) into canonical documents. Any thread.
#pragma once

#include <string_view>

#include "core/schema/codec/codec.hpp"

namespace gantry::schema {

Expected<Json> read_protobuf(const Message& message, std::string_view raw, const DecodeOptions& options);

}  // namespace gantry::schema
