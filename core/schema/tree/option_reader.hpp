// Reads the options of gantry/schema.proto that a descriptor carries. Called by the reader of descriptor sets alone;
// what an option says that is not known here is passed over. Pure functions, any thread.
#pragma once

#include <string_view>

#include "core/schema/tree/descriptor_reader.hpp"

namespace gantry::schema {

// (gantry.schema.field).
void read_field_rules(std::string_view bytes, RawField& raw);
// (gantry.schema.message), and in it what makes the message a resource.
void read_message_rules(std::string_view bytes, RawMessage& message);

}  // namespace gantry::schema
