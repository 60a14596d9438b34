// Expressions of webhooks and admission policies: whether they compile, and to what. Nothing is evaluated. Pure
// functions, any thread; the expressions of a policy belong to one validation.
#pragma once

#include "core/cel/environment.hpp"
#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// What an expression must evaluate to.
enum class Evaluates : uint8_t { kToAnything, kToBool, kToText, kToTextOrNull, kToObject, kToPatches };

// An expression of match conditions, which see no variables.
void check_match_expression(std::string_view text, bool params, const At& at, Errors& errors);

class PolicyExpressions {
 public:
  // Whether there are params, and whether expressions may make patches.
  PolicyExpressions(bool params, bool patches);

  // The text at `key` of the object; `compiled`: what of it is compiled, if not all.
  void check(const JsonObject& object, std::string_view key, Evaluates to, const At& at, Errors& errors) const;
  void check(const JsonObject& object, std::string_view key, std::string_view compiled, Evaluates to, const At& at,
             Errors& errors) const;
  // Those after it may use it, whether it compiles or not.
  void add_variable(const JsonObject& variable, const At& at, Errors& errors);

 private:
  cel::Environment all_, unauthorized_;  // the words of a refusal may not ask the authorizer
};

}  // namespace gantry::kinds
