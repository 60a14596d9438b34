// Owns unification by upstream's rules: which types fit where, and which of them is the more general one. One thread.
#include "core/cel/unify.hpp"

namespace gantry::cel {
namespace {

bool equal_or_less_specific(const Type& a, const Type& b) {
  if (a.is_dyn() || a.kind() == TypeKind::kParam) return true;
  if (b.is_dyn() || b.kind() == TypeKind::kParam) return false;
  if (a.kind() != b.kind()) return false;
  if (a.kind() == TypeKind::kType) return true;
  if (a.name() != b.name() || a.params().size() != b.params().size()) return false;
  for (size_t i = 0; i < a.params().size(); ++i) {
    if (!equal_or_less_specific(*a.params()[i], *b.params()[i])) return false;
  }
  return true;
}

// Null may be given for whatever may be absent.
bool takes_null(const Type& type) {
  return type.kind() == TypeKind::kNull || type.kind() == TypeKind::kOpaque || type.kind() == TypeKind::kMessage ||
         type.kind() == TypeKind::kWellKnown;
}

}  // namespace

TypePtr more_general(const TypePtr& a, const TypePtr& b) { return equal_or_less_specific(*a, *b) ? a : b; }

bool Substitutions::assignable(const TypePtr& from, const TypePtr& to) {
  learned_.clear();
  if (fits(from, to)) return true;
  forget(0);
  return false;
}

bool Substitutions::assignable(const std::vector<TypePtr>& from, const std::vector<TypePtr>& to) {
  learned_.clear();
  if (fit_all(from, to)) return true;
  forget(0);
  return false;
}

bool Substitutions::fit_all(const std::vector<TypePtr>& from, const std::vector<TypePtr>& to) {
  if (from.size() != to.size()) return false;
  for (size_t i = 0; i < from.size(); ++i) {
    if (!fits(from[i], to[i])) return false;
  }
  return true;
}

bool Substitutions::fits(const TypePtr& from, const TypePtr& to) {
  if (!step()) return true;
  if (from == to && from->kind() != TypeKind::kParam) return true;
  bool known = false;
  if (to->kind() == TypeKind::kParam) {
    if (stands_for(from, to, known)) return true;
    if (known) return false;
  }
  if (from->kind() == TypeKind::kParam) return stands_for(to, from, known);
  if (from->is_dyn_or_error() || to->is_dyn_or_error()) return true;
  if (from->kind() == TypeKind::kNull) return takes_null(*to);
  if (from->kind() != to->kind()) return false;
  if (from->kind() == TypeKind::kType) return true;
  return from->name() == to->name() && fit_all(from->params(), to->params());
}

bool Substitutions::stands_for(const TypePtr& type, const TypePtr& param, bool& known) {
  if (type->kind() == TypeKind::kParam && type->name() == param->name()) return true;
  const TypePtr now = found(*param);
  known = now != nullptr;
  if (known) {
    if (!same_type(*type, *now)) {
      if (!fits(type, now)) return false;
      TypePtr general = more_general(type, now);
      if (!occurs(*param, general)) learn(*param, std::move(general));
    }
    return true;
  }
  if (occurs(*param, type)) return false;
  learn(*param, type);
  return true;
}

bool Substitutions::occurs(const Type& param, const TypePtr& within) {
  if (!step()) return true;
  if (within->kind() == TypeKind::kParam) {
    if (within->name() == param.name()) return true;
    const TypePtr now = found(*within);
    return now != nullptr && occurs(param, now);
  }
  for (const TypePtr& one : within->params()) {
    if (occurs(param, one)) return true;
  }
  return false;
}

TypePtr Substitutions::found(const Type& param) const {
  const auto at = known_.find(param.name());
  return at != known_.end() ? at->second : nullptr;
}

void Substitutions::learn(const Type& param, TypePtr type) {
  TypePtr& place = known_[param.name()];
  learned_.push_back({param.name(), place});
  place = std::move(type);
}

void Substitutions::forget(size_t down_to) {
  for (; learned_.size() > down_to; learned_.pop_back()) {
    Learned& last = learned_.back();
    if (last.before != nullptr) {
      known_[last.name] = std::move(last.before);
    } else {
      known_.erase(last.name);
    }
  }
}

TypePtr Substitutions::replaced(const TypePtr& type, bool final) {
  if (!step()) return dyn_type();
  if (type->kind() == TypeKind::kParam) {
    if (const TypePtr now = found(*type)) return replaced(now, final);
    return final ? dyn_type() : type;
  }
  if (type->params().empty()) return type;
  std::vector<TypePtr> params;
  for (const TypePtr& one : type->params()) params.push_back(replaced(one, final));
  return type_of(type->kind(), type->name(), std::move(params));
}

TypePtr Substitutions::fresh_param() {
  return std::make_shared<const Type>(TypeKind::kParam, "_var" + std::to_string(params_++));
}

TypePtr Substitutions::fresh(const TypePtr& type, std::unordered_map<std::string, TypePtr>& renamed) {
  if (type->kind() == TypeKind::kParam) {
    TypePtr& now = renamed[type->name()];
    if (now == nullptr) now = fresh_param();
    return now;
  }
  if (type->params().empty()) return type;
  std::vector<TypePtr> params;
  for (const TypePtr& one : type->params()) params.push_back(fresh(one, renamed));
  return type_of(type->kind(), type->name(), std::move(params));
}

}  // namespace gantry::cel
