// Reads descriptor sets of extensions, and completes and checks them by themselves. Pure, any thread.
#include "core/schema/tree/extension.hpp"

#include <algorithm>
#include <array>

#include "core/schema/tree/extension_rules.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::schema {
namespace {

constexpr size_t kMaxBytes = 4 << 20;
constexpr size_t kMaxMessages = 2'000;
constexpr std::string_view kObjectMeta = "k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta";
constexpr std::array<std::string_view, 8> kVerbs = {"create", "delete", "deletecollection", "get",
                                                    "list",   "patch",  "update",           "watch"};
constexpr std::array<std::string_view, 3> kStatusVerbs = {"get", "patch", "update"};
constexpr std::array<std::string_view, 4> kNameFormats = {"dns1123-subdomain", "dns1123-label", "dns1035-label",
                                                          "path-segment"};
// FieldDescriptorProto.Type of the fields that JSON, protobuf and the tree agree about.
constexpr uint32_t kDouble = 1, kInt64 = 3, kInt32 = 5, kBool = 8, kText = 9, kMessage = 11, kBytes = 12;
constexpr std::array<uint32_t, 7> kTypes = {kDouble, kInt64, kInt32, kBool, kText, kMessage, kBytes};
constexpr uint32_t kEnum = 14;

template <typename List, typename Value>
bool contains(const List& list, const Value& value) {
  return std::find(std::begin(list), std::end(list), value) != std::end(list);
}

bool is_form(std::string_view format, std::string_view text) { return check_format(format, text).empty(); }

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

bool is_type_name(std::string_view text) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 63 && text.front() >= 'A' && text.front() <= 'Z' &&
         std::all_of(text.begin(), text.end(), plain);
}

Status check_group(const Kind& kind) {
  const std::string& group = kind.group;
  if (group.find('.') == std::string::npos || group.size() > 253 || !is_form("dns1123-subdomain", group)) {
    return Status::invalid("kind " + kind.kind + " has the group \"" + group +
                           "\"; it must be a DNS name with a dot, such as demo.example.com");
  }
  for (const std::string_view reserved : {"k8s.io", "kubernetes.io"}) {
    if (group == reserved || group.ends_with("." + std::string(reserved))) {
      return Status::invalid("kind " + kind.kind + " has the group \"" + group + "\"; names under " +
                             std::string(reserved) + " are Kubernetes' own");
    }
  }
  return {};
}

Status check_names(const Kind& kind) {
  if (!is_type_name(kind.kind)) {
    return Status::invalid("kind " + kind.kind +
                           ": a kind's name is a capital and then letters and digits, 63 at most");
  }
  const auto label = [&](std::string_view what, const std::string& text) -> Status {
    if (is_form("dns1035-label", text)) return {};
    return Status::invalid("kind " + kind.kind + " has the " + std::string(what) + " \"" + text +
                           "\"; it must be a lower-case letter and then letters, digits and '-'");
  };
  if (auto status = label("version", kind.version); !status.ok()) return status;
  if (auto status = label("plural", kind.plural); !status.ok()) return status;
  if (auto status = label("singular", kind.singular); !status.ok()) return status;
  for (const auto& name : kind.short_names) {
    if (auto status = label("short name", name); !status.ok()) return status;
  }
  for (const auto& name : kind.categories) {
    if (auto status = label("category", name); !status.ok()) return status;
  }
  for (const auto& verb : kind.verbs) {
    if (!contains(kVerbs, verb))
      return Status::invalid("kind " + kind.kind + " has the verb \"" + verb + "\", which no API server knows");
  }
  if (!contains(kNameFormats, kind.name_format)) {
    return Status::invalid("kind " + kind.kind + " has the name_format \"" + kind.name_format +
                           "\"; there is dns1123-subdomain, dns1123-label, dns1035-label and path-segment");
  }
  return {};
}

void complete_kind(Kind& kind) {
  if (kind.singular.empty()) kind.singular = lower(kind.kind);
  if (kind.verbs.empty()) kind.verbs.assign(kVerbs.begin(), kVerbs.end());
  // As of custom resources: what is asked for counts its changes.
  kind.generation = true;
  kind.group_priority = 0;  // built-in groups come first
  for (auto& sub : kind.subresources) {
    if (sub.verbs.empty()) sub.verbs.assign(kStatusVerbs.begin(), kStatusVerbs.end());
    if (sub.name == "status" && sub.kind.empty()) sub.kind = kind.kind;
    if (sub.name != "scale") continue;
    sub.kind = "Scale";
    sub.group = "autoscaling";
    sub.version = "v1";
  }
  const bool named =
      std::any_of(kind.columns.begin(), kind.columns.end(), [](const Column& c) { return c.format == "name"; });
  if (kind.columns.empty()) {
    kind.columns.push_back({"Age", "string", "", "Time since the object was created.", "@age"});
  }
  if (!named) {
    kind.columns.insert(kind.columns.begin(), {"Name", "string", "name", "Name of the object.", ".metadata.name"});
  }
}

Status check_field(const RawMessage& message, const RawField& raw) {
  const Field& field = raw.field;
  const std::string where = "field " + field.json + " of " + message.name;
  if (field.json.empty()) return Status::invalid("a field of " + message.name + " has no json_name; protoc writes it");
  if (raw.protobuf_type == kEnum) {
    return Status::invalid(where + " is an enum; in the API it is a string with enum_values");
  }
  if (!contains(kTypes, raw.protobuf_type)) {
    return Status::invalid(
        where +
        " has a type that the API does not have; there is string, bool, int32, int64, double, bytes and messages");
  }
  if (message.map_entry && field.number == 1 && raw.protobuf_type != kText) {
    return Status::invalid("a map of " + message.package + " has keys that are no strings");
  }
  if (field.inlined && (raw.protobuf_type != kMessage || field.repeated)) {
    return Status::invalid(where + " has the option inline, which is for a single message");
  }
  if (field.list_type == ListType::kMap && field.list_map_keys.empty()) {
    return Status::invalid(where + " has list_type \"map\" without list_map_keys");
  }
  if (!field.format.empty() && !known_format(field.format)) {
    return Status::invalid(where + " has the format \"" + field.format + "\", which this daemon does not know");
  }
  return {};
}

// A default stands in for what is absent; a zero that somebody wrote stays. So it is for custom resources, and built-in
// kinds say it with `pointer`.
void keep_presence(RawField& raw) {
  const bool single = !raw.field.repeated && raw.protobuf_type != kMessage;
  if (single && !raw.default_json.empty()) raw.field.pointer = true;
}

// What the message of a kind must have for the machinery to handle it.
Status check_object(RawMessage& message) {
  const std::string& kind = message.kind.kind;
  const auto find = [&](std::string_view json) {
    return std::find_if(message.fields.begin(), message.fields.end(),
                        [&](const RawField& f) { return f.field.json == json; });
  };
  const auto metadata = find("metadata");
  if (metadata == message.fields.end() || metadata->field.number != 1 || metadata->type_name != kObjectMeta ||
      metadata->field.repeated) {
    return Status::invalid("kind " + kind + " needs the field \"metadata\" of type ." + std::string(kObjectMeta) +
                           " with number 1");
  }
  metadata->field.always = true;
  for (const std::string_view own : {"apiVersion", "kind"}) {
    if (find(own) != message.fields.end()) {
      return Status::invalid("kind " + kind + " has a field \"" + std::string(own) +
                             "\"; every object has it by itself");
    }
  }
  for (const auto& sub : message.kind.subresources) {
    if (sub.name != "status" && sub.name != "scale") {
      return Status::invalid("kind " + kind + " has the subresource \"" + sub.name + "\"; there is status and scale");
    }
  }
  return {};
}

Status complete(std::vector<RawMessage>& raw) {
  for (RawMessage& message : raw) {
    if (message.package.empty()) return Status::invalid("the file " + message.file + " has no package");
    for (RawField& field : message.fields) {
      if (auto status = check_field(message, field); !status.ok()) return status;
      keep_presence(field);
    }
    if (!message.has_resource) continue;
    complete_kind(message.kind);
    if (auto status = check_group(message.kind); !status.ok()) return status;
    if (auto status = check_names(message.kind); !status.ok()) return status;
    if (auto status = check_object(message); !status.ok()) return status;
  }
  return {};
}

}  // namespace

Expected<std::unique_ptr<Tree>> build_extension(std::string_view descriptors, const Tree& builtin) {
  if (descriptors.size() > kMaxBytes) {
    return Status::invalid("the descriptor set has " + std::to_string(descriptors.size()) + " bytes, at most " +
                           std::to_string(kMaxBytes) + " are taken");
  }
  auto raw = read_descriptors(descriptors, kMaxMessages);
  if (!raw) return Status::invalid(raw.error().message());
  // An author who lets protoc include the imports ships them, too.
  std::erase_if(*raw, [&](const RawMessage& message) { return builtin.has_file(message.file); });
  if (std::none_of(raw->begin(), raw->end(), [](const RawMessage& message) { return message.has_resource; })) {
    return Status::invalid(
        "the descriptor set has no kind: no message with the option (gantry.schema.message).resource");
  }
  if (auto status = complete(*raw); !status.ok()) return status;
  auto tree = Tree::build(*std::move(raw), &builtin);
  if (!tree) return Status::invalid(tree.error().message());
  for (const auto& kind : (*tree)->kinds()) {
    if (auto status = check_kind_tree(*kind); !status.ok()) return status;
  }
  return tree;
}

}  // namespace gantry::schema
