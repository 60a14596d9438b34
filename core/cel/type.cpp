// Owns how types are made, compared and spelled. Pure, any thread.
#include "core/cel/type.hpp"

#include <algorithm>
#include <iterator>

namespace gantry::cel {
namespace {

// Parameters of parameters double with each step, if they are let.
constexpr size_t kLargestType = 1000;

const std::vector<TypePtr>& plain_types() {
  static const std::vector<TypePtr> kTypes = [] {
    std::vector<TypePtr> out;
    for (const char* name : {"bool", "int", "uint", "double", "string", "bytes"}) {
      out.push_back(type_of(TypeKind::kPrimitive, name));
    }
    for (const char* name : {"timestamp", "duration"}) out.push_back(type_of(TypeKind::kWellKnown, name));
    out.push_back(type_of(TypeKind::kDyn, "dyn"));
    out.push_back(type_of(TypeKind::kError, "!error!"));
    out.push_back(type_of(TypeKind::kNull, "null"));
    out.push_back(type_of(TypeKind::kType, "type"));
    return out;
  }();
  return kTypes;
}

// With its parameters, spelled by `each`.
template <typename Each>
std::string spelled(const Type& type, std::string name, const Each& each) {
  if (type.params().empty()) return name;
  name += "(";
  for (size_t i = 0; i < type.params().size(); ++i) name += (i > 0 ? ", " : "") + each(*type.params()[i]);
  return name + ")";
}

std::vector<std::string_view> split_params(std::string_view text) {
  std::vector<std::string_view> out;
  size_t depth = 0, begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      out.push_back(text.substr(begin, i - begin));
      begin = i + 1;
      while (begin < text.size() && text[begin] == ' ') ++begin;
    } else if (text[i] == '(') {
      ++depth;
    } else if (text[i] == ')') {
      --depth;
    }
  }
  return out;
}

}  // namespace

TypePtr Type::field(std::string_view name) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(), [&](const Field& one) { return one.name == name; });
  if (found != fields_.end()) return found->type;
  return open_ ? dyn_type() : nullptr;
}

TypePtr type_of(TypeKind kind, std::string name, std::vector<TypePtr> params) {
  auto made = std::make_shared<const Type>(kind, std::move(name), std::move(params));
  return made->size() > kLargestType ? dyn_type() : made;
}

TypePtr type_named(std::string_view name) {
  const auto& all = plain_types();
  const auto found = std::find_if(all.begin(), all.end(), [&](const TypePtr& one) { return one->name() == name; });
  return found != all.end() ? *found : type_of(TypeKind::kOpaque, std::string(name));
}

TypePtr dyn_type() {
  static const TypePtr kType = type_named("dyn");
  return kType;
}
TypePtr error_type() {
  static const TypePtr kType = type_named("!error!");
  return kType;
}
TypePtr list_type(TypePtr element) { return type_of(TypeKind::kList, "list", {std::move(element)}); }
TypePtr map_type(TypePtr key, TypePtr value) {
  return type_of(TypeKind::kMap, "map", {std::move(key), std::move(value)});
}
TypePtr optional_type(TypePtr value) { return type_of(TypeKind::kOpaque, "optional_type", {std::move(value)}); }
TypePtr type_type(TypePtr of) { return type_of(TypeKind::kType, "type", {std::move(of)}); }
TypePtr message_type(std::string name, std::vector<Field> fields) {
  return std::make_shared<const Type>(TypeKind::kMessage, std::move(name), std::vector<TypePtr>(), std::move(fields));
}
TypePtr open_message_type(std::string name) {
  return std::make_shared<const Type>(TypeKind::kMessage, std::move(name), std::vector<TypePtr>(), std::vector<Field>(),
                                      true);
}

bool same_type(const Type& a, const Type& b) {
  return &a == &b || (a.kind() == b.kind() && a.name() == b.name() &&
                      std::equal(a.params().begin(), a.params().end(), b.params().begin(), b.params().end(),
                                 [](const TypePtr& x, const TypePtr& y) { return same_type(*x, *y); }));
}

std::string type_text(const Type& type) {
  return spelled(type, type.name(), [](const Type& param) { return type_text(param); });
}

std::string runtime_type_text(const Type& type) {
  std::string name = type.name();
  if (name == "null") name = "null_type";
  if (name == "timestamp") name = "google.protobuf.Timestamp";
  if (name == "duration") name = "google.protobuf.Duration";
  return spelled(type, std::move(name), [](const Type& param) { return runtime_type_text(param); });
}

TypePtr read_type(std::string_view text) {
  if (text.size() == 1 && text[0] >= 'A' && text[0] <= 'Z') return type_of(TypeKind::kParam, std::string(text));
  const size_t open = text.find('(');
  if (open == std::string_view::npos) return type_named(text);
  std::vector<TypePtr> params;
  for (std::string_view one : split_params(text.substr(open + 1, text.size() - open - 2))) {
    params.push_back(read_type(one));
  }
  const std::string_view name = text.substr(0, open);
  const TypeKind kind = name == "list"   ? TypeKind::kList
                        : name == "map"  ? TypeKind::kMap
                        : name == "type" ? TypeKind::kType
                                         : TypeKind::kOpaque;
  return type_of(kind, name == "optional" ? "optional_type" : std::string(name), std::move(params));
}

}  // namespace gantry::cel
