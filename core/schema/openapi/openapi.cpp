// Definitions of OpenAPI documents: one JSON schema for each message of the tree.
// Called by openapi_v2.cpp and openapi_v3.cpp, on whichever thread asks for a document; paths are in
// openapi_paths.cpp.
#include "core/schema/openapi/openapi.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <set>

#include "core/schema/openapi/openapi_build.hpp"

namespace gantry::schema::openapi {
namespace {

using Array = boost::json::array;
using Object = boost::json::object;

constexpr std::string_view kMeta = "k8s.io.apimachinery.pkg.apis.meta.v1.";

// Scalars with a spelling of their own; false for messages with fields.
bool scalar_form(Form form, Version version, Object& out) {
  switch (form) {
    case Form::kTime:
    case Form::kMicroTime:
      out["type"] = "string";
      out["format"] = "date-time";
      return true;
    case Form::kQuantity:
      if (version == Version::kV2) {
        out["type"] = "string";
      } else {
        out["oneOf"] = Array{Object{{"type", "string"}}, Object{{"type", "number"}}};
      }
      return true;
    case Form::kIntOrString:
      if (version == Version::kV2) {
        out["type"] = "string";
      } else {
        out["oneOf"] = Array{Object{{"type", "integer"}}, Object{{"type", "string"}}};
      }
      out["format"] = "int-or-string";
      out["x-kubernetes-int-or-string"] = true;
      return true;
    case Form::kDuration:
      out["type"] = "string";
      return true;
    case Form::kRawJson:
      out["type"] = "object";
      return true;
    case Form::kStruct:
    case Form::kList:
      return false;
  }
  return false;
}

std::string with_values(const Field& field) {
  std::string text = field.comment;
  if (field.enum_values.empty()) return text;
  text += text.empty() ? "Possible enum values:" : "\n\nPossible enum values:";
  for (const std::string& value : field.enum_values) text += "\n - `\"" + value + "\"`";
  return text;
}

const char* list_type(ListType type) {
  return type == ListType::kMap ? "map" : type == ListType::kSet ? "set" : "atomic";
}

Array strings(const std::vector<std::string>& values) {
  Array out;
  for (const std::string& value : values) out.emplace_back(sv(value));
  return out;
}

void add_merge_rules(const Field& field, Object& out) {
  if (field.repeated) {
    if (!field.list_map_keys.empty()) {
      out["x-kubernetes-list-map-keys"] = strings(field.list_map_keys);
    }
    out["x-kubernetes-list-type"] = list_type(field.list_type);
  }
  if (field.map_atomic) out["x-kubernetes-map-type"] = "atomic";
  if (!field.patch_merge_key.empty()) {
    out["x-kubernetes-patch-merge-key"] = sv(field.patch_merge_key);
  }
  if (!field.patch_strategy.empty()) out["x-kubernetes-patch-strategy"] = sv(field.patch_strategy);
}

Object scalar(FieldType type) {
  switch (type) {
    case FieldType::kBool:
      return {{"type", "boolean"}};
    case FieldType::kInt32:
      return {{"type", "integer"}, {"format", "int32"}};
    case FieldType::kInt64:
      return {{"type", "integer"}, {"format", "int64"}};
    case FieldType::kDouble:
      return {{"type", "number"}, {"format", "double"}};
    case FieldType::kBytes:
      return {{"type", "string"}, {"format", "byte"}};
    case FieldType::kString:
    case FieldType::kMessage:
      break;
  }
  return {{"type", "string"}};
}

// Fields as they appear in JSON: those of inlined messages stand among the parent's.
void each_field(const Message& message, const std::function<void(const Field&)>& call) {
  for (const Field& field : message.fields) {
    if (field.inlined && field.message != nullptr) {
      each_field(*field.message, call);
    } else {
      call(field);
    }
  }
}

Object gvk(std::string_view group, std::string_view version, std::string_view kind) {
  return {{"group", sv(group)}, {"kind", sv(kind)}, {"version", sv(version)}};
}

}  // namespace

std::string definition_name(const Message& message) {
  std::string_view name = message.name;
  constexpr std::string_view kPrefix = "k8s.io.";
  if (name.starts_with(kPrefix)) return "io.k8s." + std::string(name.substr(kPrefix.size()));
  return std::string(name);
}

std::string api_version_of(std::string_view group, std::string_view version) {
  return group.empty() ? std::string(version) : std::string(group) + "/" + std::string(version);
}

std::vector<std::string> group_paths(const Schema& schema) {
  std::vector<std::string> out;
  for (const Kind* kind : schema.kinds()) {
    std::string path = (kind->group.empty() ? "api/" : "apis/") + kind->api_version();
    if (std::find(out.begin(), out.end(), path) == out.end()) out.push_back(std::move(path));
  }
  return out;
}

Builder::Builder(const Schema& schema, Version version, std::string_view api_version)
    : schema_(schema), version_(version), api_version_(api_version) {
  status_ = schema.find_message(std::string(kMeta) + "Status");
  delete_options_ = schema.find_message(std::string(kMeta) + "DeleteOptions");
  for (const Kind* kind : schema.kinds()) {
    if (!serves(*kind)) continue;
    reach(kind->message);
    reach(kind->list_message);
    for (const Subresource& sub : kind->subresources) reach(message_of(*kind, sub));
  }
  if (!messages_.empty()) {
    reach(status_);
    reach(delete_options_);
    reach(schema.find_message(std::string(kMeta) + "APIResourceList"));
  }
  std::sort(messages_.begin(), messages_.end(),
            [](const Message* a, const Message* b) { return definition_name(*a) < definition_name(*b); });
}

bool Builder::serves(const Kind& kind) const { return api_version_.empty() || kind.api_version() == api_version_; }

void Builder::reach(const Message* message) {
  std::vector<const Message*> todo{message};
  std::set<const Message*> seen(messages_.begin(), messages_.end());
  while (!todo.empty()) {
    message = todo.back();
    todo.pop_back();
    if (message == nullptr || !seen.insert(message).second) continue;
    messages_.push_back(message);
    each_field(*message, [&](const Field& field) { todo.push_back(field.message); });
  }
}

const Message* Builder::message_of(const Kind& kind, const Subresource& sub) const {
  if (sub.kind.empty() || sub.kind == kind.kind) return kind.message;
  std::string group = sub.group.empty() && sub.version.empty() ? kind.group : sub.group;
  std::string version = sub.version.empty() ? kind.version : sub.version;
  if (const Kind* found = schema_.find_kind(group, version, sub.kind)) return found->message;
  // Kinds that only a subresource speaks are not served by themselves: k8s.io.api.<group>.<version>.<Kind>.
  std::string folder = group.empty() ? "core" : group.substr(0, group.find('.'));
  return schema_.find_message("k8s.io.api." + folder + "." + version + "." + sub.kind);
}

Object Builder::ref(const Message& message) const {
  std::string at = version_ == Version::kV2 ? "#/definitions/" : "#/components/schemas/";
  return {{"$ref", sv(at + definition_name(message))}};
}

// The type of a field's value, or of an element of its list or map.
Object Builder::value_type(const Field& field) const {
  if (field.message == nullptr) return scalar(field.type);
  if (field.message->form == Form::kList && !field.message->fields.empty()) {
    return {{"type", "array"}, {"items", value_type(field.message->fields.front())}};
  }
  Object out = ref(*field.message);
  // A v3 reference stands alone; what belongs to the use of it goes around it.
  if (version_ == Version::kV2 || field.repeated || field.map) return out;
  return {{"allOf", Array{std::move(out)}}};
}

Object Builder::property(const Field& field) const {
  Object out;
  if (std::string text = with_values(field); !text.empty()) out["description"] = sv(text);
  Object value = value_type(field);
  if (field.enum_values.size() > 0 && !field.map) value["enum"] = strings(field.enum_values);
  if (field.map) {
    out["type"] = "object";
    out["additionalProperties"] = std::move(value);
  } else if (field.repeated) {
    out["type"] = "array";
    out["items"] = std::move(value);
  } else {
    for (auto& [key, item] : value) out[key] = std::move(item);
  }
  if (field.default_value) out["default"] = *field.default_value;
  if (field.minimum && !field.repeated) out["minimum"] = *field.minimum;
  if (field.maximum && !field.repeated) out["maximum"] = *field.maximum;
  add_merge_rules(field, out);
  return out;
}

Array Builder::kinds_of(const Message& message) const {
  Array out;
  std::set<std::string> seen;
  auto add = [&](const std::string& group, const std::string& version, const std::string& kind) {
    if (seen.insert(group + "/" + version + "/" + kind).second) {
      out.push_back(gvk(group, version, kind));
    }
  };
  for (const Kind* kind : schema_.kinds()) {
    if (kind->message == &message) add(kind->group, kind->version, kind->kind);
    if (kind->list_message == &message) add(kind->group, kind->version, kind->list_kind);
    if (&message == delete_options_) add(kind->group, kind->version, "DeleteOptions");
    for (const Subresource& sub : kind->subresources) {
      if (sub.kind.empty() || sub.kind == kind->kind || message_of(*kind, sub) != &message) continue;
      bool own = sub.version.empty();
      add(own ? kind->group : sub.group, own ? kind->version : sub.version, sub.kind);
    }
  }
  if (&message == status_) add("", "v1", "Status");
  return out;
}

// apiVersion and kind are not written down in the tree: every object that stands alone has them.
void Builder::add_type_meta(const Message& message, Object& properties) const {
  if (properties.contains("apiVersion") || kinds_of(message).empty()) return;
  properties["apiVersion"] =
      Object{{"type", "string"}, {"description", "Group and version of the schema this object is written in."}};
  properties["kind"] =
      Object{{"type", "string"}, {"description", "Name of the type that this object is of, in CamelCase."}};
}

Object Builder::definition(const Message& message) const {
  Object out;
  if (!message.comment.empty()) out["description"] = sv(message.comment);
  if (scalar_form(message.form, version_, out)) return out;
  if (message.form == Form::kList && !message.fields.empty()) {
    out["type"] = "array";
    out["items"] = value_type(message.fields.front());
    return out;
  }
  out["type"] = "object";
  Object properties;
  std::vector<std::string> required;
  add_type_meta(message, properties);
  each_field(message, [&](const Field& field) {
    properties[sv(field.json)] = property(field);
    if (field.required) required.push_back(field.json);
  });
  if (!properties.empty()) out["properties"] = std::move(properties);
  std::sort(required.begin(), required.end());
  if (!required.empty()) out["required"] = strings(required);
  if (Array kinds = kinds_of(message); !kinds.empty()) {
    out["x-kubernetes-group-version-kind"] = std::move(kinds);
  }
  return out;
}

}  // namespace gantry::schema::openapi
