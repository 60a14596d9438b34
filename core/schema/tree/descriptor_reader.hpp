// Reads a compiled descriptor set (FileDescriptorSet with gantry/schema.proto's options) into plain structs, without
// the full protobuf runtime. Used at start for the built-in kinds, and for each descriptor set that a plugin brings.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/schema/schema.hpp"

namespace gantry::schema {

// One message as written in the file; Field::message is still unset, its type's name stands in `type_name`.
struct RawField {
  Field field;
  std::string type_name;       // of a message field, without the leading dot
  uint32_t protobuf_type = 0;  // FieldDescriptorProto.Type
  std::string default_json;
};

struct RawMessage {
  std::string file;  // "k8s.io/api/core/v1/pod.proto"
  std::string name;
  std::string package;
  std::string comment;
  Form form = Form::kStruct;
  bool one_of = false;
  bool map_entry = false;
  bool has_resource = false;
  Kind kind;  // when has_resource; messages unset
  std::vector<RawField> fields;
};

// At most `max_messages`, so that a broken set costs no more than that.
Expected<std::vector<RawMessage>> read_descriptors(std::string_view bytes, size_t max_messages = SIZE_MAX);

}  // namespace gantry::schema
