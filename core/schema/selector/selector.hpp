// Label and field selectors: parsing and matching.
//
// Matching works on Attributes, which the API server derives once per stored version, so that a watch with a
// selector decodes nothing. A match costs about as much as the shorter of two has parts, the selector or the object's
// labels, times a logarithm of the longer: who asks does not multiply the two. Pure, any thread.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/schema/schema.hpp"

namespace gantry::schema {

// Labels and selectable fields of one object. Kept with each version of each object, so it is packed: one text, and
// where its parts end.
class Attributes {
 public:
  std::string_view name() const { return part(0); }
  std::string_view ns() const { return part(1); }
  std::optional<std::string_view> label(std::string_view key) const;
  std::optional<std::string_view> field(std::string_view path) const;
  // By key.
  size_t labels() const { return ends_.empty() ? 0 : (ends_.size() - first_label()) / 2; }
  std::pair<std::string_view, std::string_view> label_at(size_t i) const {
    return {part(first_label() + 2 * i), part(first_label() + 2 * i + 1)};
  }
  // Bytes beside its own.
  size_t held() const { return text_.capacity() + ends_.capacity() * sizeof(uint32_t); }
  bool operator==(const Attributes&) const = default;

 private:
  friend Attributes attributes_of(const Kind& kind, const Json& document);
  size_t first_label() const { return 2 + (paths_ == nullptr ? 0 : paths_->size()); }
  std::string_view part(size_t i) const {
    if (i >= ends_.size()) return {};
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(text_).substr(begin, ends_[i] - begin);
  }

  std::shared_ptr<const std::vector<std::string>> paths_;  // the kind's, by name
  std::string text_;                                       // name, namespace, fields, and of each label key and value
  std::vector<uint32_t> ends_;
};
Attributes attributes_of(const Kind& kind, const Json& document);

class LabelSelector {
 public:
  LabelSelector() = default;  // matches everything
  // "a=b,c!=d,e in (x,y),!f,g>1". Error: BadRequest with upstream's text.
  static Expected<LabelSelector> parse(std::string_view text);
  // From a metav1.LabelSelector document (matchLabels, matchExpressions); null matches nothing.
  static Expected<LabelSelector> from_document(const Json& selector);
  static Expected<LabelSelector> from_document(const boost::json::object& selector);
  // How many bytes parse() takes for a text at most, and how many one holds.
  static size_t cost(std::string_view text);
  size_t held() const;
  bool empty() const { return requirements_.empty() && !nothing_; }
  using Labels = std::vector<std::pair<std::string, std::string>>;
  bool matches(const Attributes& attributes) const;
  bool matches(const Labels& labels) const;
  // labels: a JSON object of strings, or null.
  bool matches(const Json* labels) const;
  bool matches(const boost::json::object& labels) const;
  std::string to_string() const;

  enum class Op : uint8_t { kIn, kNotIn, kExists, kNotExists, kGreater, kLess };
  struct Requirement {
    std::string key;
    Op op = Op::kExists;
    std::vector<std::string> values;  // sorted
    bool matches(std::optional<std::string_view> value) const;
  };
  // By key; of a key that has many they are not all the caller's, but those that say the same.
  const std::vector<Requirement>& requirements() const { return requirements_; }

 private:
  void settle();
  template <typename Lookup>  // std::optional<std::string_view> lookup(std::string_view key)
  bool holds_for_each(Lookup&& lookup) const;
  bool holds_for(std::string_view key, std::string_view value, size_t& met) const;

  std::vector<Requirement> requirements_;
  size_t needed_ = 0;  // keys that must be there
  bool nothing_ = false;
};

class FieldSelector {
 public:
  FieldSelector() = default;
  // "status.phase!=Running,metadata.name=x". BadRequest when the kind has no such selectable field.
  static Expected<FieldSelector> parse(const Kind& kind, std::string_view text);
  // As the LabelSelector's.
  static size_t cost(std::string_view text);
  size_t held() const;
  bool empty() const { return terms_.empty(); }
  bool matches(const Attributes& attributes) const;
  // The value of an equality term, to cut a list short (metadata.name=x).
  const std::string* exact(std::string_view field) const;

 private:
  struct Term {
    std::string field, value;
    bool equal = true;
  };
  void settle();

  std::vector<Term> terms_;  // by field, unequal ones first, then by value; no two alike
};

}  // namespace gantry::schema
