// What stands for type parameters while an expression is checked. One checker, one thread.
#pragma once

#include <string>
#include <unordered_map>

#include "core/cel/type.hpp"

namespace gantry::cel {

class Substitutions {
 public:
  // Whether a value of one type may be given for another, and what the parameters of both stand for then. What was
  // learned stays only if it may.
  bool assignable(const TypePtr& from, const TypePtr& to);
  bool assignable(const std::vector<TypePtr>& from, const std::vector<TypePtr>& to);
  // With the parameters replaced by what they stand for; of those that stand for nothing, by dyn if it is final.
  TypePtr replaced(const TypePtr& type, bool final);
  // The same under new names of the parameters.
  TypePtr fresh(const TypePtr& type, std::unordered_map<std::string, TypePtr>& renamed);
  TypePtr fresh_param();
  // So many steps were taken that what is answered since is no answer.
  bool exhausted() const { return steps_ >= kMostSteps; }

 private:
  static constexpr size_t kMostSteps = 10'000'000;
  struct Learned {
    std::string name;
    TypePtr before;  // null: nothing
  };

  bool step() { return !exhausted() && ++steps_ > 0; }
  bool fits(const TypePtr& from, const TypePtr& to);
  bool fit_all(const std::vector<TypePtr>& from, const std::vector<TypePtr>& to);
  // Whether `param` may stand for `type`; `known`: it stands for something already.
  bool stands_for(const TypePtr& type, const TypePtr& param, bool& known);
  bool occurs(const Type& param, const TypePtr& within);
  TypePtr found(const Type& param) const;
  void learn(const Type& param, TypePtr type);
  void forget(size_t down_to);

  std::unordered_map<std::string, TypePtr> known_;
  std::vector<Learned> learned_;  // since the trial began
  size_t params_ = 0, steps_ = 0;
};

// The less specific of two types that fit each other.
TypePtr more_general(const TypePtr& a, const TypePtr& b);

}  // namespace gantry::cel
