// The functions that expressions may call: names and overloads. Made once and never changed; any thread.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/cel/type.hpp"

namespace gantry::cel {

struct Overload {
  bool receiver;  // the first argument stands before the dot
  std::vector<TypePtr> args;
  TypePtr result;
};
using Functions = std::unordered_map<std::string, std::vector<Overload>>;

// Adds what lines say: "NAME (TYPE, ...) TYPE" is a function, "NAME TYPE.(TYPE, ...) TYPE" one of a receiver. Names may
// be several, "a|b"; a capital letter is any type.
void add_functions(std::string_view lines, Functions& to);

// The language's own, its extensions that Kubernetes takes, and Kubernetes' libraries.
const Functions& known_functions();

// What the texts of the tables are.
extern const std::string_view kStandardFunctions, kExtensionFunctions, kKubernetesFunctions;
// Of patches in mutating policies.
extern const std::string_view kPatchFunctions;

}  // namespace gantry::cel
