// What an expression may refer to: variables, messages, functions. Made by who compiles expressions, then only read.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/cel/functions.hpp"
#include "core/cel/type.hpp"

namespace gantry::cel {

class Environment {
 public:
  // Replaces one of that name. Names may have dots.
  void set_variable(std::string name, TypePtr type) { variables_[std::move(name)] = std::move(type); }
  // A message that expressions may make.
  void add_message(TypePtr message) { messages_.push_back(std::move(message)); }
  // The same of NAME and whatever begins with "NAME.", with any fields.
  void add_open_messages(std::string name) { open_messages_.push_back(std::move(name)); }
  void add_functions(std::string_view lines) { cel::add_functions(lines, functions_); }

  // Null: there is none. A type is a variable too, of the type type(T).
  TypePtr variable(std::string_view name) const;
  const std::vector<Overload>* function(std::string_view name) const;

 private:
  TypePtr message(std::string_view name) const;

  std::unordered_map<std::string, TypePtr> variables_;
  std::vector<TypePtr> messages_;
  std::vector<std::string> open_messages_;
  Functions functions_;
};

}  // namespace gantry::cel
