// Owns the macros: what upstream expands has, all, exists, exists_one, map, filter, their forms of two variables and
// those of optional values to. One parser, one thread.
#include "core/cel/macros.hpp"

#include <algorithm>
#include <iterator>

namespace gantry::cel {
namespace {

// No name that somebody can write.
constexpr const char* kAccu = "@result";
constexpr const char* kUnused = "#unused";

struct Macro {
  uint32_t at;
  Call& call;
  Nodes& nodes;
  Issues& issues;

  ExprPtr accu() const { return nodes.ident(at, kAccu); }
  ExprPtr truth(bool value) const { return nodes.constant(at, value); }
  ExprPtr one() const { return nodes.constant(at, int64_t{1}); }
  ExprPtr arg(size_t i) const { return std::move(call.args[i]); }
  ExprPtr last() const { return std::move(call.args.back()); }

  ExprPtr list_of(ExprPtr value) const {
    MakeList list;
    if (value != nullptr) list.elements.push_back({std::move(value), false});
    return nodes.make(at, std::move(list));
  }

  ExprPtr fail(const Expr& where, std::string message) const {
    issues.add(where.at, std::move(message));
    return nullptr;
  }

  bool name_at(size_t i, std::string& name, const std::string& otherwise = "argument must be a simple name") const {
    const auto* ident = std::get_if<Ident>(&call.args[i]->node);
    if (ident == nullptr || ident->name.starts_with('.')) {
      fail(*call.args[i], otherwise);
      return false;
    }
    name = ident->name;
    return true;
  }

  bool names(size_t count, Comprehension& fold) const {
    if (!name_at(0, fold.iter) || (count == 2 && !name_at(1, fold.iter2))) return false;
    if (count == 2 && fold.iter == fold.iter2) {
      fail(*call.args[1], "duplicate variable name: " + fold.iter2);
      return false;
    }
    for (size_t i = 0; i < count; ++i) {
      if ((i == 0 ? fold.iter : fold.iter2) != "__result__") continue;
      fail(*call.args[i], "iteration variable overwrites accumulator variable");
      return false;
    }
    return true;
  }

  ExprPtr finish(Comprehension fold, ExprPtr init, ExprPtr condition, ExprPtr step, ExprPtr result) const {
    fold.range = std::move(call.target);
    fold.accu = kAccu;
    fold.init = std::move(init);
    fold.condition = std::move(condition);
    fold.step = std::move(step);
    fold.result = std::move(result);
    return nodes.make(at, std::move(fold));
  }

  // accu grows by `by`, where `filter` holds or there is none.
  ExprPtr grown(ExprPtr by, ExprPtr filter) const {
    if (filter == nullptr) return by;
    return nodes.call(at, "_?_:_", std::move(filter), std::move(by), accu());
  }
};

ExprPtr has(const Macro& macro) {
  auto* select = std::get_if<Select>(&macro.call.args[0]->node);
  if (select == nullptr || select->test) return macro.fail(*macro.call.args[0], "invalid argument to has() macro");
  return macro.nodes.make(macro.at, Select{std::move(select->target), std::move(select->field), true});
}

template <size_t kNames>
ExprPtr all(const Macro& macro) {
  Comprehension fold;
  if (!macro.names(kNames, fold)) return nullptr;
  ExprPtr condition = macro.nodes.call(macro.at, "@not_strictly_false", macro.accu());
  ExprPtr step = macro.nodes.call(macro.at, "_&&_", macro.accu(), macro.last());
  return macro.finish(std::move(fold), macro.truth(true), std::move(condition), std::move(step), macro.accu());
}

template <size_t kNames>
ExprPtr exists(const Macro& macro) {
  Comprehension fold;
  if (!macro.names(kNames, fold)) return nullptr;
  ExprPtr condition = macro.nodes.call(macro.at, "@not_strictly_false", macro.nodes.call(macro.at, "!_", macro.accu()));
  ExprPtr step = macro.nodes.call(macro.at, "_||_", macro.accu(), macro.last());
  return macro.finish(std::move(fold), macro.truth(false), std::move(condition), std::move(step), macro.accu());
}

template <size_t kNames>
ExprPtr exists_one(const Macro& macro) {
  Comprehension fold;
  if (!macro.names(kNames, fold)) return nullptr;
  ExprPtr step = macro.grown(macro.nodes.call(macro.at, "_+_", macro.accu(), macro.one()), macro.last());
  ExprPtr result = macro.nodes.call(macro.at, "_==_", macro.accu(), macro.one());
  return macro.finish(std::move(fold), macro.nodes.constant(macro.at, int64_t{0}), macro.truth(true), std::move(step),
                      std::move(result));
}

// With a filter before the last argument, if there is one more than names and what is made.
template <size_t kNames>
ExprPtr map(const Macro& macro) {
  Comprehension fold;
  if (!macro.names(kNames, fold)) return nullptr;
  ExprPtr filter = macro.call.args.size() > kNames + 1 ? macro.arg(kNames) : nullptr;
  ExprPtr by = macro.nodes.call(macro.at, "_+_", macro.accu(), macro.list_of(macro.last()));
  ExprPtr step = macro.grown(std::move(by), std::move(filter));
  return macro.finish(std::move(fold), macro.list_of(nullptr), macro.truth(true), std::move(step), macro.accu());
}

ExprPtr filter(const Macro& macro) {
  Comprehension fold;
  if (!macro.names(1, fold)) return nullptr;
  ExprPtr by = macro.nodes.call(macro.at, "_+_", macro.accu(), macro.list_of(macro.arg(0)));
  ExprPtr step = macro.grown(std::move(by), macro.last());
  return macro.finish(std::move(fold), macro.list_of(nullptr), macro.truth(true), std::move(step), macro.accu());
}

template <bool kEntry>
ExprPtr transform_map(const Macro& macro) {
  Comprehension fold;
  if (!macro.names(2, fold)) return nullptr;
  ExprPtr filter = macro.call.args.size() > 3 ? macro.arg(2) : nullptr;
  ExprPtr by = kEntry ? macro.nodes.call(macro.at, "cel.@mapInsert", macro.accu(), macro.last())
                      : macro.nodes.call(macro.at, "cel.@mapInsert", macro.accu(), macro.arg(0), macro.last());
  ExprPtr step = macro.grown(std::move(by), std::move(filter));
  return macro.finish(std::move(fold), macro.nodes.make(macro.at, MakeMap{}), macro.truth(true), std::move(step),
                      macro.accu());
}

// target.hasValue() ? optional.of(...) : optional.none(), in which the variable is target.value().
template <bool kFlat>
ExprPtr opt_map(const Macro& macro) {
  std::string name;
  const std::string word = kFlat ? "optFlatMap" : "optMap";
  if (!macro.name_at(0, name, word + "() variable name must be a simple identifier")) return nullptr;
  const auto of_target = [&](ExprPtr target, const char* function) {
    return macro.nodes.make(macro.at, Call{std::move(target), function, {}});
  };
  Comprehension fold;
  fold.iter = kUnused;
  fold.range = macro.list_of(nullptr);
  fold.init = of_target(macro.nodes.copy(*macro.call.target), "value");
  fold.condition = macro.truth(false);
  fold.step = macro.nodes.ident(macro.at, name);
  fold.accu = std::move(name);
  fold.result = macro.last();
  ExprPtr made = macro.nodes.make(macro.at, std::move(fold));
  if (!kFlat) made = macro.nodes.call(macro.at, "optional.of", std::move(made));
  return macro.nodes.call(macro.at, "_?_:_", of_target(std::move(macro.call.target), "hasValue"), std::move(made),
                          macro.nodes.call(macro.at, "optional.none"));
}

struct Known {
  std::string_view name;
  bool receiver;
  size_t args;
  ExprPtr (*expand)(const Macro&);
};

constexpr Known kMacros[] = {
    {"has", false, 1, has},
    {"all", true, 2, all<1>},
    {"all", true, 3, all<2>},
    {"exists", true, 2, exists<1>},
    {"exists", true, 3, exists<2>},
    {"exists_one", true, 2, exists_one<1>},
    {"exists_one", true, 3, exists_one<2>},
    {"existsOne", true, 2, exists_one<1>},
    {"existsOne", true, 3, exists_one<2>},
    {"map", true, 2, map<1>},
    {"map", true, 3, map<1>},
    {"filter", true, 2, filter},
    {"transformList", true, 3, map<2>},
    {"transformList", true, 4, map<2>},
    {"transformMap", true, 3, transform_map<false>},
    {"transformMap", true, 4, transform_map<false>},
    {"transformMapEntry", true, 3, transform_map<true>},
    {"transformMapEntry", true, 4, transform_map<true>},
    {"optMap", true, 2, opt_map<false>},
    {"optFlatMap", true, 2, opt_map<true>},
};

}  // namespace

bool expand_macro(ExprPtr& expr, Nodes& nodes, Issues& issues) {
  auto& call = std::get<Call>(expr->node);
  const auto known = std::find_if(std::begin(kMacros), std::end(kMacros), [&](const Known& one) {
    return one.name == call.function && one.receiver == (call.target != nullptr) && one.args == call.args.size();
  });
  if (known == std::end(kMacros)) return false;
  expr = known->expand(Macro{expr->at, call, nodes, issues});
  return expr != nullptr;
}

}  // namespace gantry::cel
