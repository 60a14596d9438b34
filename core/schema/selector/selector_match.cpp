// How selectors match, and what they cost. Pure, any thread.
#include <algorithm>
#include <iterator>
#include <tuple>

#include "core/schema/selector/selector.hpp"
#include "core/schema/selector/selector_parse.hpp"

namespace gantry::schema {
namespace {

using Object = boost::json::object;
using Op = LabelSelector::Op;
using Requirement = LabelSelector::Requirement;
using Requirements = std::vector<Requirement>;

// More requirements of one key are put together: each object that has the key would be asked all of them.
constexpr std::ptrdiff_t kMostOfAKey = 8;
// A term is a comma away from the next. What one takes while its vector grows, with its values, what the allocator
// adds, and what putting terms together needs beside them; twice the text for strings that are long.
constexpr size_t kTermCost = 448;
constexpr size_t kAllocation = 16;

size_t cost_of_terms(std::string_view text) {
  const auto commas = static_cast<size_t>(std::count(text.begin(), text.end(), ','));
  return text.empty() ? 0 : kTermCost * (commas + 1) + 2 * text.size();
}

size_t held_by(const std::string& text) {
  const bool inside = text.capacity() <= std::string().capacity();
  return inside ? 0 : text.capacity() + 1 + kAllocation;
}

bool needs_its_key(Op op) { return op != Op::kNotIn && op != Op::kNotExists; }

int64_t limit_of(const Requirement& requirement) {
  int64_t limit = 0;
  parse_int(requirement.values.front(), limit);
  return limit;
}

// Another "in": what both allow. Two that allow nothing together stay two, for no text says "nothing".
void narrow(Requirements& to, Requirement next) {
  if (to.size() == 2) return;
  std::vector<std::string> both;
  std::set_intersection(to[0].values.begin(), to[0].values.end(), next.values.begin(), next.values.end(),
                        std::back_inserter(both));
  if (both.empty()) {
    to.push_back(std::move(next));
  } else {
    to[0].values = std::move(both);
  }
}

// Another of the same operator.
void put_together(Requirements& to, Requirement next) {
  if (to.empty()) {
    to.push_back(std::move(next));
    return;
  }
  auto& values = to[0].values;
  switch (next.op) {
    case Op::kIn:
      return narrow(to, std::move(next));
    case Op::kNotIn:
      std::move(next.values.begin(), next.values.end(), std::back_inserter(values));  // sorted at the end
      return;
    case Op::kGreater:
      if (limit_of(next) > limit_of(to[0])) values = std::move(next.values);
      return;
    case Op::kLess:
      if (limit_of(next) < limit_of(to[0])) values = std::move(next.values);
      return;
    default:
      return;
  }
}

// Requirements of one key that say the same as all of these.
void simplify(Requirements::iterator begin, Requirements::iterator end, Requirements& out) {
  Requirements of_op[static_cast<size_t>(Op::kLess) + 1];
  for (auto at = begin; at != end; ++at) put_together(of_op[static_cast<size_t>(at->op)], std::move(*at));
  for (auto& same : of_op) {
    for (auto& requirement : same) {
      auto& values = requirement.values;
      std::sort(values.begin(), values.end());
      values.erase(std::unique(values.begin(), values.end()), values.end());
      out.push_back(std::move(requirement));
    }
  }
}

}  // namespace

bool LabelSelector::Requirement::matches(std::optional<std::string_view> value) const {
  auto named = [&] { return std::binary_search(values.begin(), values.end(), *value); };
  switch (op) {
    case Op::kIn:
      return value.has_value() && named();
    case Op::kNotIn:
      return !value || !named();
    case Op::kExists:
      return value.has_value();
    case Op::kNotExists:
      return !value;
    case Op::kGreater:
    case Op::kLess: {
      int64_t have = 0;
      int64_t limit = 0;
      if (!value || values.size() != 1 || !parse_int(*value, have)) return false;
      if (!parse_int(values.front(), limit)) return false;
      return op == Op::kGreater ? have > limit : have < limit;
    }
  }
  return false;
}

void LabelSelector::settle() {
  std::stable_sort(requirements_.begin(), requirements_.end(),
                   [](const Requirement& a, const Requirement& b) { return a.key < b.key; });
  Requirements out;
  for (auto at = requirements_.begin(); at != requirements_.end();) {
    const auto end = std::find_if(at, requirements_.end(), [&](const Requirement& r) { return r.key != at->key; });
    if (std::any_of(at, end, [](const Requirement& r) { return needs_its_key(r.op); })) ++needed_;
    if (end - at > kMostOfAKey) {
      simplify(at, end, out);
    } else {
      std::move(at, end, std::back_inserter(out));
    }
    at = end;
  }
  requirements_ = std::move(out);
  requirements_.shrink_to_fit();
}

template <typename Lookup>
bool LabelSelector::holds_for_each(Lookup&& lookup) const {
  return std::all_of(requirements_.begin(), requirements_.end(),
                     [&](const Requirement& requirement) { return requirement.matches(lookup(requirement.key)); });
}

// Whether what is required of one label holds; counts it in `met` when its key must be there.
bool LabelSelector::holds_for(std::string_view key, std::string_view value, size_t& met) const {
  bool needed = false;
  auto at = std::lower_bound(requirements_.begin(), requirements_.end(), key,
                             [](const Requirement& requirement, std::string_view k) { return requirement.key < k; });
  for (; at != requirements_.end() && at->key == key; ++at) {
    if (!at->matches(value)) return false;
    needed = needed || needs_its_key(at->op);
  }
  met += needed ? 1 : 0;
  return true;
}

bool LabelSelector::matches(const Attributes& attributes) const {
  if (nothing_ || needed_ > attributes.labels()) return false;
  if (requirements_.size() <= attributes.labels()) {
    return holds_for_each([&](std::string_view key) { return attributes.label(key); });
  }
  size_t met = 0;
  for (size_t i = 0; i < attributes.labels(); ++i) {
    const auto [key, value] = attributes.label_at(i);
    if (!holds_for(key, value, met)) return false;
  }
  return met == needed_;
}

bool LabelSelector::matches(const Labels& labels) const {
  if (nothing_ || needed_ > labels.size()) return false;
  if (requirements_.size() <= labels.size()) {
    return holds_for_each([&](std::string_view key) -> std::optional<std::string_view> {
      const auto found =
          std::find_if(labels.begin(), labels.end(), [&](const auto& label) { return label.first == key; });
      if (found == labels.end()) return std::nullopt;
      return found->second;
    });
  }
  size_t met = 0;
  for (const auto& [key, value] : labels) {
    if (!holds_for(key, value, met)) return false;
  }
  return met == needed_;
}

bool LabelSelector::matches(const Json* labels) const {
  static const Object kNone;
  const Object* object = labels == nullptr ? nullptr : labels->if_object();
  return matches(object == nullptr ? kNone : *object);
}

bool LabelSelector::matches(const Object& labels) const {
  if (nothing_ || needed_ > labels.size()) return false;
  if (requirements_.size() <= labels.size()) {
    return holds_for_each([&](std::string_view key) -> std::optional<std::string_view> {
      const Json* value = labels.if_contains(key);
      if (value == nullptr || !value->is_string()) return std::nullopt;
      return value->get_string();
    });
  }
  size_t met = 0;
  for (const auto& [key, value] : labels) {
    if (value.is_string() && !holds_for(key, value.get_string(), met)) return false;
  }
  return met == needed_;
}

size_t LabelSelector::cost(std::string_view text) { return cost_of_terms(text); }

size_t LabelSelector::held() const {
  size_t bytes = requirements_.capacity() * sizeof(Requirement);
  for (const auto& requirement : requirements_) {
    bytes += held_by(requirement.key) + requirement.values.capacity() * sizeof(std::string) + kAllocation;
    for (const auto& value : requirement.values) bytes += held_by(value);
  }
  return bytes;
}

void FieldSelector::settle() {
  const auto parts = [](const Term& term) { return std::tie(term.field, term.equal, term.value); };
  std::sort(terms_.begin(), terms_.end(), [&](const Term& a, const Term& b) { return parts(a) < parts(b); });
  const auto same = [&](const Term& a, const Term& b) { return parts(a) == parts(b); };
  terms_.erase(std::unique(terms_.begin(), terms_.end(), same), terms_.end());
  terms_.shrink_to_fit();
}

bool FieldSelector::matches(const Attributes& attributes) const {
  const auto before = [](const Term& a, const Term& b) {
    return std::tie(a.field, a.equal) < std::tie(b.field, b.equal);
  };
  const auto by_value = [](const Term& term, std::string_view value) { return term.value < value; };
  for (auto at = terms_.begin(); at != terms_.end();) {
    const auto end = std::upper_bound(at, terms_.end(), *at, before);
    const auto value = attributes.field(at->field);
    const auto found = value ? std::lower_bound(at, end, *value, by_value) : end;
    const bool named = found != end && found->value == *value;
    // No two alike: more than one value would have to be the field's.
    if (at->equal ? !named || end - at > 1 : named) return false;
    at = end;
  }
  return true;
}

size_t FieldSelector::cost(std::string_view text) { return cost_of_terms(text); }

size_t FieldSelector::held() const {
  size_t bytes = terms_.capacity() * sizeof(Term);
  for (const auto& term : terms_) bytes += held_by(term.field) + held_by(term.value);
  return bytes;
}

}  // namespace gantry::schema
