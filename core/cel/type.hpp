// Types of expressions. A type never changes once it is made and is shared; any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::cel {

class Type;
using TypePtr = std::shared_ptr<const Type>;

enum class TypeKind : uint8_t {
  kError,
  kDyn,
  kNull,
  kPrimitive,  // bool, int, uint, double, string, bytes
  kWellKnown,  // timestamp, duration
  kType,
  kList,
  kMap,
  kOpaque,  // by name; optional_type has a parameter
  kMessage,
  kParam,  // stands for another one
};

struct Field {
  std::string name;
  TypePtr type;
};

class Type {
 public:
  Type(TypeKind kind, std::string name, std::vector<TypePtr> params = {}, std::vector<Field> fields = {},
       bool open = false)
      : kind_(kind), name_(std::move(name)), params_(std::move(params)), fields_(std::move(fields)), open_(open) {
    for (const TypePtr& param : params_) size_ += param->size_;
  }

  TypeKind kind() const { return kind_; }
  const std::string& name() const { return name_; }
  const std::vector<TypePtr>& params() const { return params_; }
  // Of a field of a message; null: it has none of that name.
  TypePtr field(std::string_view name) const;
  size_t size() const { return size_; }
  bool is_dyn() const { return kind_ == TypeKind::kDyn; }
  bool is_dyn_or_error() const { return is_dyn() || kind_ == TypeKind::kError; }
  bool is_optional() const { return kind_ == TypeKind::kOpaque && name_ == "optional_type"; }

 private:
  TypeKind kind_;
  std::string name_;
  std::vector<TypePtr> params_;
  std::vector<Field> fields_;
  size_t size_ = 1;  // with its parameters
  bool open_;        // a message of which each field exists, and is dyn
};

// Of that kind, name and parameters; dyn, when that would be larger than any that somebody means.
TypePtr type_of(TypeKind kind, std::string name, std::vector<TypePtr> params = {});
// Those without parameters: "int", "timestamp", "dyn", "null", "type", "error"; any other name is an opaque type's.
TypePtr type_named(std::string_view name);
TypePtr dyn_type();
TypePtr error_type();
TypePtr list_type(TypePtr element);
TypePtr map_type(TypePtr key, TypePtr value);
TypePtr optional_type(TypePtr value);
TypePtr type_type(TypePtr of);
TypePtr message_type(std::string name, std::vector<Field> fields);
// Of which every field exists.
TypePtr open_message_type(std::string name);

bool same_type(const Type& a, const Type& b);
// As checker errors have it: "map(string, list(int))", "timestamp".
std::string type_text(const Type& type);
// As types call themselves: "google.protobuf.Timestamp", "null_type".
std::string runtime_type_text(const Type& type);
// "list(A)": a capital letter alone is a parameter.
TypePtr read_type(std::string_view text);

}  // namespace gantry::cel
