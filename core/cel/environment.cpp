// Owns how names are found. Any thread, once it is made.
#include "core/cel/environment.hpp"

namespace gantry::cel {
namespace {

struct NamedType {
  std::string_view name, type;
};
constexpr NamedType kTypeNames[] = {
    {"bool", "bool"},
    {"bytes", "bytes"},
    {"double", "double"},
    {"int", "int"},
    {"string", "string"},
    {"uint", "uint"},
    {"null_type", "null"},
    {"type", "type"},
    {"list", "list(A)"},
    {"map", "map(A, B)"},
    {"optional_type", "optional(A)"},
    {"google.protobuf.Timestamp", "timestamp"},
    {"google.protobuf.Duration", "duration"},
    {"kubernetes.URL", "kubernetes.URL"},
    {"kubernetes.Quantity", "kubernetes.Quantity"},
    {"kubernetes.Semver", "kubernetes.Semver"},
    {"kubernetes.NamedFormat", "kubernetes.NamedFormat"},
    {"net.IP", "net.IP"},
    {"net.CIDR", "net.CIDR"},
};

}  // namespace

TypePtr Environment::message(std::string_view name) const {
  for (const TypePtr& one : messages_) {
    if (one->name() == name) return one;
  }
  for (const std::string& one : open_messages_) {
    if (name == one || (name.size() > one.size() && name.starts_with(one) && name[one.size()] == '.')) {
      return open_message_type(std::string(name));
    }
  }
  return nullptr;
}

TypePtr Environment::variable(std::string_view name) const {
  if (const auto found = variables_.find(std::string(name)); found != variables_.end()) return found->second;
  if (TypePtr made = message(name)) return type_type(std::move(made));
  for (const NamedType& one : kTypeNames) {
    if (one.name == name) return type_type(read_type(one.type));
  }
  return nullptr;
}

const std::vector<Overload>* Environment::function(std::string_view name) const {
  const std::string key(name);
  if (const auto own = functions_.find(key); own != functions_.end()) return &own->second;
  const auto known = known_functions().find(key);
  return known != known_functions().end() ? &known->second : nullptr;
}

}  // namespace gantry::cel
