// Checks extensions' trees: by themselves, beside other trees, and against the one they replace. Pure, any thread.
#include "core/schema/tree/extension_rules.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "core/schema/table/column_path.hpp"
#include "core/schema/tree/extension.hpp"

namespace gantry::schema {
namespace {

constexpr std::string_view kMeta = "k8s.io.apimachinery.pkg.apis.meta.v1.";

bool has(const std::vector<std::string>& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

std::string full_name(const Kind& kind) { return kind.plural + "." + kind.group; }

Status check_column(const Kind& kind, const Column& column) {
  const std::string where = "column " + column.name + " of kind " + kind.kind;
  if (column.name.empty()) return Status::invalid("a column of kind " + kind.kind + " has no name");
  static const std::set<std::string_view> kColumnTypes = {"string", "integer", "number", "boolean", "date"};
  if (!kColumnTypes.contains(column.type)) {
    return Status::invalid(where + " has the type \"" + column.type +
                           "\"; there is string, integer, number, boolean and date");
  }
  const std::string_view source = column.source;
  if (source.starts_with('@')) {
    if (column.cell != nullptr) return {};
    return Status::invalid(where + " has the source \"" + column.source + "\", which this daemon does not know");
  }
  const PathTarget target = source.starts_with('.') ? follow(kind.message, source.substr(1)) : PathTarget();
  if (target.field != nullptr || target.open) return {};
  return Status::invalid(where + " has the source \"" + column.source +
                         "\"; it must be the path of a field, such as .spec.size");
}

Status check_selectable(const Kind& kind, const std::string& path) {
  const PathTarget target = follow(kind.message, path);
  const Field* field = target.field;
  if (field != nullptr && !field->repeated && !field->map && field->message == nullptr) return {};
  return Status::invalid("kind " + kind.kind + " has the selectable field \"" + path +
                         "\"; it must be the path of a single value, such as spec.size");
}

Status check_scale(const Kind& kind) {
  for (const std::string_view path : {"spec.replicas", "status.replicas"}) {
    const PathTarget target = follow(kind.message, path);
    if (target.field == nullptr || target.field->type != FieldType::kInt32) {
      return Status::invalid("kind " + kind.kind + " has the subresource scale, but no field " + std::string(path) +
                             " of type int32");
    }
  }
  return {};
}

bool fits(const Field& field, const Json& value) {
  if (field.repeated) return value.is_array();
  if (field.map) return value.is_object();
  switch (field.type) {
    case FieldType::kBool:
      return value.is_bool();
    case FieldType::kInt32:
    case FieldType::kInt64:
      return value.is_int64();
    case FieldType::kDouble:
      return value.is_number();
    case FieldType::kString:
    case FieldType::kBytes:
      return value.is_string();
    case FieldType::kMessage:
      return field.message->form != Form::kStruct || value.is_object();
  }
  return false;
}

std::string place_of(const Message& message, const Field& field) {
  return "field " + std::to_string(field.number) + " of " + message.name;
}

// With the fields of what is inlined, which are the message's own in JSON.
Status check_json_names(const Message& outer, const Message& message, std::map<std::string_view, std::string>& seen) {
  for (const Field& field : message.fields) {
    if (field.inlined && field.message != nullptr) {
      if (auto status = check_json_names(outer, *field.message, seen); !status.ok()) return status;
      continue;
    }
    const auto [known, is_new] = seen.emplace(field.json, place_of(message, field));
    if (is_new) continue;
    return Status::invalid("two fields of " + outer.name + " are both \"" + field.json +
                           "\" in JSON: " + known->second + " and " + place_of(message, field));
  }
  return {};
}

bool in_range(const Field& field, const Json& value) {
  const auto* number = value.if_int64();
  if (number == nullptr) return true;
  return (!field.minimum || *number >= *field.minimum) && (!field.maximum || *number <= *field.maximum);
}

// What no value could pass, or the default does not.
Status check_rules(const Message& message, const Field& field) {
  const std::string where = "field " + field.json + " of " + message.name;
  if (!field.enum_values.empty() && field.type != FieldType::kString) {
    return Status::invalid(where + " has enum_values, which are for strings");
  }
  const bool number = field.type == FieldType::kInt32 || field.type == FieldType::kInt64;
  if ((field.minimum || field.maximum) && !number && field.message == nullptr) {
    return Status::invalid(where + " has a minimum or maximum, which are for int32 and int64");
  }
  if (field.minimum && field.maximum && *field.minimum > *field.maximum) {
    return Status::invalid(where + " has a minimum of " + std::to_string(*field.minimum) + ", above its maximum of " +
                           std::to_string(*field.maximum));
  }
  if (!field.default_value) return {};
  if (!fits(field, *field.default_value)) {
    return Status::invalid("the default of " + where + " has not the field's type");
  }
  const auto* text = field.default_value->if_string();
  const bool known = text == nullptr || field.enum_values.empty() || has(field.enum_values, *text);
  if (known && in_range(field, *field.default_value)) return {};
  return Status::invalid("the default of " + where + " breaks the field's own rules");
}

// Of a message and what it reaches, but for the built-in ones.
Status check_fields(const Message& message, std::set<const Message*>& done) {
  if (message.name.starts_with("k8s.io.") || !done.insert(&message).second) return {};
  std::map<std::string_view, std::string> names;
  if (auto status = check_json_names(message, message, names); !status.ok()) return status;
  std::set<uint32_t> numbers;
  for (const Field& field : message.fields) {
    if (!numbers.insert(field.number).second) {
      return Status::invalid("two fields of " + message.name + " have the number " + std::to_string(field.number));
    }
    if (auto status = check_rules(message, field); !status.ok()) return status;
    if (field.message == nullptr) continue;
    if (auto status = check_fields(*field.message, done); !status.ok()) return status;
  }
  return {};
}

bool is_list(const Kind& kind) {
  const Message& list = *kind.list_message;
  const Field *metadata = list.find("metadata"), *items = list.find("items");
  return metadata != nullptr && items != nullptr && metadata->number == 1 && items->number == 2 && items->repeated &&
         items->message == kind.message && metadata->message != nullptr &&
         metadata->message->name == std::string(kMeta) + "ListMeta";
}

Status taken(const Kind& kind, std::string_view what, const std::string& name, const Kind& by) {
  return Status::invalid("kind " + kind.kind + " has the " + std::string(what) + " \"" + name +
                         "\", which is taken by " + full_name(by));
}

Status check_pair(const Kind& kind, const Kind& other) {
  if (kind.group == other.group) {
    if (kind.plural == other.plural) return taken(kind, "plural", kind.plural, other);
    if (kind.kind == other.kind) return taken(kind, "name", kind.kind, other);
  }
  for (const auto& name : kind.short_names) {
    if (name == other.plural || name == other.singular || has(other.short_names, name)) {
      return taken(kind, "short name", name, other);
    }
  }
  for (const auto& [what, name] : {std::pair("plural", &kind.plural), std::pair("singular", &kind.singular)}) {
    if (has(other.short_names, *name)) return taken(kind, what, *name, other);
  }
  return {};
}

}  // namespace

Status check_kind_tree(const Kind& kind) {
  if (!is_list(kind)) {
    return Status::invalid("message " + kind.list_message->name +
                           " must have the fields metadata = 1 and items = 2, a list of " + kind.kind);
  }
  for (const Column& column : kind.columns) {
    if (auto status = check_column(kind, column); !status.ok()) return status;
  }
  for (const auto& path : kind.selectable_fields) {
    if (auto status = check_selectable(kind, path); !status.ok()) return status;
  }
  if (kind.subresource("status") != nullptr) {
    const Field* status = kind.message->find("status");
    if (status == nullptr || status->message == nullptr || status->repeated || status->map) {
      return Status::invalid("kind " + kind.kind + " has the subresource status, but no message in a field \"status\"");
    }
  }
  if (kind.subresource("scale") != nullptr) {
    if (auto status = check_scale(kind); !status.ok()) return status;
  }
  std::set<const Message*> done;
  return check_fields(*kind.message, done);
}

Status check_against(const Tree& tree, const std::vector<const Tree*>& others) {
  const Tree& builtin = *others.front();
  for (const auto& kind : tree.kinds()) {
    for (const auto& own : builtin.kinds()) {
      if (own->group == kind->group) {
        return Status::invalid("kind " + kind->kind + " has the group \"" + kind->group +
                               "\", which is the daemon's own");
      }
    }
    for (const auto& sibling : tree.kinds()) {
      if (sibling == kind) break;
      if (auto status = check_pair(*kind, *sibling); !status.ok()) return status;
    }
    for (const Tree* other : others) {
      for (const auto& theirs : other->kinds()) {
        if (auto status = check_pair(*kind, *theirs); !status.ok()) return status;
      }
    }
  }
  for (const auto& [name, message] : tree.messages()) {
    for (const Tree* other : others) {
      if (other->find_message(name) == nullptr) continue;
      return Status::invalid("message " + name + " is there already; another package keeps it apart");
    }
  }
  return {};
}

}  // namespace gantry::schema
