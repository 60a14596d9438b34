// Owns the checker: the type of each part of an expression by its variables and overloads, and upstream's words for
// what does not fit. Pure, any thread.
#include <optional>
#include <unordered_map>

#include "core/cel/compile.hpp"
#include "core/cel/literal_rules.hpp"
#include "core/cel/parser.hpp"
#include "core/cel/unify.hpp"

namespace gantry::cel {
namespace {

class Checker {
 public:
  Checker(const Environment& environment, Issues& issues) : environment_(environment), issues_(issues) {}

  TypePtr run(const Expr& expr) {
    const TypePtr type = types_.replaced(check(expr), true);
    if (issues_.empty()) check_mixed();
    if (issues_.empty()) check_constants();
    if (types_.exhausted()) issues_.add(kNowhere, "expression is too complex to check");
    return issues_.empty() ? type : nullptr;
  }

 private:
  struct Local {
    std::string_view name;
    TypePtr type;
  };

  // An element of a list or a map, and the first one of it: both are of one type, which is known at the end.
  struct Pair {
    size_t list;  // 0: of a map, in which each is told
    uint32_t at;
    TypePtr first, other;
  };

  void check_mixed() {
    size_t told = 0;
    for (const Pair& one : pairs_) {
      const TypePtr first = types_.replaced(one.first, true), other = types_.replaced(one.other, true);
      if (same_type(*first, *other) || (one.list != 0 && one.list == told)) continue;
      told = one.list;
      wrong(one.at, "expected type '" + type_text(*first) + "' but found '" + type_text(*other) + "'");
    }
  }

  void check_constants() {
    for (const Call* call : calls_) check_literals(*call, issues_);
  }

  void wrong(uint32_t at, std::string message) { issues_.add(at, std::move(message)); }
  TypePtr fail(uint32_t at, std::string message) {
    wrong(at, std::move(message));
    return error_type();
  }
  std::string text(const TypePtr& type) { return type_text(*types_.replaced(type, true)); }

  TypePtr check(const Expr& expr) {
    return std::visit([&](const auto& node) { return of(expr, node); }, expr.node);
  }

  TypePtr of(const Expr&, const Constant& value) {
    static const TypePtr kTypes[] = {type_named("null"),   type_named("bool"),   type_named("int"),  type_named("uint"),
                                     type_named("double"), type_named("string"), type_named("bytes")};
    return kTypes[value.index()];
  }

  TypePtr variable(std::string_view name) {
    const bool outer = name.starts_with('.');
    for (auto one = locals_.rbegin(); !outer && one != locals_.rend(); ++one) {
      if (one->name == name) return one->type;
    }
    return environment_.variable(outer ? name.substr(1) : name);
  }

  TypePtr undeclared(uint32_t at, const std::string& name) {
    return fail(at, "undeclared reference to '" + name + "' (in container '')");
  }

  TypePtr of(const Expr& expr, const Ident& ident) {
    TypePtr type = variable(ident.name);
    return type != nullptr ? type : undeclared(expr.at, ident.name);
  }

  // "a.b.c", if it is nothing but names.
  static std::optional<std::string> qualified(const Expr& expr) {
    if (const auto* ident = std::get_if<Ident>(&expr.node)) return ident->name;
    const auto* select = std::get_if<Select>(&expr.node);
    if (select == nullptr || select->test) return std::nullopt;
    auto name = qualified(*select->target);
    if (name) *name += "." + select->field;
    return name;
  }

  TypePtr of(const Expr& expr, const Select& select) {
    if (const auto name = select.test ? std::nullopt : qualified(expr)) {
      if (TypePtr type = variable(*name)) return type;
    }
    const TypePtr type = field_of(expr, *select.target, select.field, false);
    return select.test ? type_named("bool") : type;
  }

  // "variables.x" may be a variable of its own, whose field is asked for in other words than by its name.
  TypePtr qualified_variable(const Expr& target, const std::string& field) {
    const auto name = qualified(target);
    return name ? variable(*name + "." + field) : nullptr;
  }

  TypePtr field_of(const Expr& expr, const Expr& target, const std::string& field, bool optional) {
    TypePtr type = types_.replaced(check(target), false);
    if (type->is_optional()) {
      optional = true;
      type = type->params()[0];
    }
    TypePtr found = dyn_type();
    if (type->kind() == TypeKind::kMap) {
      found = type->params()[1];
    } else if (type->kind() == TypeKind::kMessage) {
      found = type->field(field);
      if (found == nullptr) found = qualified_variable(target, field);
      if (found == nullptr) found = fail(expr.at, "undefined field '" + field + "'");
    } else if (type->kind() == TypeKind::kParam) {
      types_.assignable(dyn_type(), type);
    } else if (!type->is_dyn_or_error()) {
      wrong(expr.at, "type '" + text(type) + "' does not support field selection");
    }
    return optional ? optional_type(found) : found;
  }

  TypePtr of(const Expr& expr, const Call& call) {
    if (call.function == "_?._") {
      const auto& field = std::get<std::string>(std::get<Constant>(call.args[1]->node));
      return field_of(expr, *call.args[0], field, true);
    }
    const bool format = call.function == "format";
    formats_ += format ? 1U : 0U;
    std::vector<TypePtr> args;
    for (const ExprPtr& arg : call.args) args.push_back(check(*arg));
    formats_ -= format ? 1U : 0U;
    const std::string function = call.function.starts_with('.') ? call.function.substr(1) : call.function;
    const std::vector<Overload>* overloads = nullptr;
    if (call.target != nullptr) {
      // "sets.contains(...)" has no receiver.
      if (const auto name = qualified(*call.target)) {
        const std::string whole = (name->starts_with('.') ? name->substr(1) : *name) + "." + function;
        overloads = environment_.function(whole);
        if (overloads != nullptr) return resolve(expr, whole, *overloads, false, std::move(args));
      }
      args.insert(args.begin(), check(*call.target));
    }
    overloads = environment_.function(function);
    if (overloads == nullptr) return undeclared(expr.at, function);
    if (has_literal_rules(call)) calls_.push_back(&call);
    return resolve(expr, function, *overloads, call.target != nullptr, std::move(args));
  }

  TypePtr resolve(const Expr& expr, const std::string& name, const std::vector<Overload>& overloads, bool receiver,
                  std::vector<TypePtr> args) {
    TypePtr result;
    for (const Overload& overload : overloads) {
      if (overload.receiver != receiver || overload.args.size() != args.size()) continue;
      std::unordered_map<std::string, TypePtr> renamed;
      std::vector<TypePtr> wanted;
      for (const TypePtr& one : overload.args) wanted.push_back(types_.fresh(one, renamed));
      if (!types_.assignable(args, wanted)) continue;
      TypePtr one = types_.replaced(types_.fresh(overload.result, renamed), false);
      // Which of several it will be is known when it is evaluated.
      result = result == nullptr || same_type(*result, *one) ? std::move(one) : dyn_type();
    }
    if (result != nullptr) return result;
    std::string applied;
    for (size_t i = receiver ? 1 : 0; i < args.size(); ++i) applied += (applied.empty() ? "" : ", ") + text(args[i]);
    applied = (receiver ? text(args[0]) + "." : "") + "(" + applied + ")";
    return fail(expr.at, "found no matching overload for '" + name + "' applied to '" + applied + "'");
  }

  // What elements are of together: anything, if they don't fit, which is refused where it is no argument of format.
  TypePtr joined(const TypePtr& before, const TypePtr& now) {
    if (before == nullptr) return now;
    return types_.assignable(before, now) ? more_general(before, now) : dyn_type();
  }

  void compare(size_t list, const Expr& element, TypePtr& first, const TypePtr& other) {
    if (formats_ > 0) return;
    if (first == nullptr) {
      first = other;
    } else {
      pairs_.push_back({list, element.at, first, other});
    }
  }

  // Of an element that may be absent: "?value".
  TypePtr element(const Expr& value, bool optional) {
    TypePtr type = check(value);
    if (!optional) return type;
    type = types_.replaced(type, false);
    if (type->is_optional()) return type->params()[0];
    if (type->is_dyn_or_error()) return type;
    return fail(value.at, "expected type '" + text(optional_type(type)) + "' but found '" + text(type) + "'");
  }

  TypePtr of(const Expr&, const MakeList& list) {
    const size_t number = ++lists_;
    TypePtr type, first;
    for (const Element& one : list.elements) {
      const TypePtr now = element(*one.value, one.optional);
      compare(number, *one.value, first, now);
      type = joined(type, now);
    }
    return list_type(type != nullptr ? type : types_.fresh_param());
  }

  TypePtr of(const Expr&, const MakeMap& map) {
    TypePtr key, value, first_key, first_value;
    for (const Entry& one : map.entries) {
      const TypePtr key_now = check(*one.key), value_now = element(*one.value, one.optional);
      compare(0, *one.key, first_key, key_now);
      compare(0, *one.value, first_value, value_now);
      key = joined(key, key_now);
      value = joined(value, value_now);
    }
    if (key == nullptr) return map_type(types_.fresh_param(), types_.fresh_param());
    return map_type(key, value);
  }

  TypePtr of(const Expr& expr, const MakeMessage& made) {
    const TypePtr found = variable(made.type.starts_with('.') ? made.type : "." + made.type);
    TypePtr message = error_type();
    if (found == nullptr) {
      undeclared(expr.at, made.type);
    } else if (found->kind() != TypeKind::kType || found->params().empty()) {
      wrong(expr.at, "'" + text(found) + "' is not a type");
    } else if (found->params()[0]->kind() != TypeKind::kMessage) {
      wrong(expr.at, "'" + text(found->params()[0]) + "' is not a message type");
    } else {
      message = found->params()[0];
    }
    for (const Entry& one : made.entries) check_entry(one, message);
    return message;
  }

  void check_entry(const Entry& entry, const TypePtr& message) {
    const TypePtr value = element(*entry.value, entry.optional);
    if (message->kind() != TypeKind::kMessage) return;
    const TypePtr field = message->field(entry.field);
    if (field == nullptr) return wrong(entry.at, "undefined field '" + entry.field + "'");
    if (types_.assignable(field, value)) return;
    wrong(entry.at, "expected type of field '" + entry.field + "' is '" + text(field) + "' but provided type is '" +
                        text(value) + "'");
  }

  void check_is(const Expr& expr, const TypePtr& wanted) {
    const TypePtr type = check(expr);
    if (!types_.assignable(wanted, type)) {
      wrong(expr.at, "expected type '" + text(wanted) + "' but found '" + text(type) + "'");
    }
  }

  // What the variables of a fold over such a range are.
  std::pair<TypePtr, TypePtr> ranged(const Expr& expr, const TypePtr& range, bool two) {
    if (range->kind() == TypeKind::kList) {
      return two ? std::pair(type_named("int"), range->params()[0]) : std::pair(range->params()[0], dyn_type());
    }
    if (range->kind() == TypeKind::kMap) return {range->params()[0], range->params()[1]};
    if (range->kind() == TypeKind::kParam) types_.assignable(dyn_type(), range);
    if (range->is_dyn() || range->kind() == TypeKind::kParam) return {dyn_type(), dyn_type()};
    if (range->kind() == TypeKind::kError) return {error_type(), error_type()};
    wrong(expr.at, "expression of type '" + text(range) +
                       "' cannot be range of a comprehension (must be list, map, or dynamic)");
    return {error_type(), error_type()};
  }

  TypePtr of(const Expr&, const Comprehension& fold) {
    const TypePtr range = types_.replaced(check(*fold.range), false);
    const TypePtr accu = check(*fold.init);
    const auto [first, second] = ranged(*fold.range, range, !fold.iter2.empty());
    const size_t outside = locals_.size();
    locals_.push_back({fold.accu, accu});
    locals_.push_back({fold.iter, first});
    if (!fold.iter2.empty()) locals_.push_back({fold.iter2, second});
    check_is(*fold.condition, type_named("bool"));
    check_is(*fold.step, accu);
    locals_.resize(outside + 1);
    const TypePtr result = types_.replaced(check(*fold.result), false);
    locals_.resize(outside);
    return result;
  }

  const Environment& environment_;
  Issues& issues_;
  Substitutions types_;
  std::vector<Local> locals_;
  std::vector<Pair> pairs_;
  std::vector<const Call*> calls_;  // with constants that have rules
  size_t lists_ = 0, formats_ = 0;
};

}  // namespace

TypePtr check(const Expr& expr, const Environment& environment, Issues& issues) {
  return Checker(environment, issues).run(expr);
}

Compiled compile(std::string_view text, const Environment& environment, Issues& issues) {
  Compiled out{parse(text, issues), nullptr};
  if (out.expr != nullptr) out.type = check(*out.expr, environment, issues);
  return out;
}

}  // namespace gantry::cel
