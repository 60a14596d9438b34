// Inside of validation: paths into a document and the causes that are found there, in upstream's words.
// A collector belongs to one validation of one object, on one thread.
#pragma once

#include <concepts>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/schema/schema.hpp"
#include "core/schema/values/json_access.hpp"

namespace gantry::schema {

// A way into a document, linked on the stack while walking down and spelled only when something is wrong.
// Parents must outlive children, hence no child of a temporary.
class At {
 public:
  At() = default;  // the document
  At child(std::string_view name) const& { return At(this, name, kNone, {}); }
  At child(std::string_view name, size_t index) const& { return At(this, name, index, {}); }
  At key(std::string_view name, std::string_view key) const& { return At(this, name, kNone, key); }
  At child(std::string_view) && = delete;
  At child(std::string_view, size_t) && = delete;
  At key(std::string_view, std::string_view) && = delete;

  // "spec.containers[0].name", "metadata.annotations[a]"
  std::string text() const;
  // The same for the field `name` below; empty: the path itself.
  std::string text(std::string_view name) const;

 private:
  static constexpr size_t kNone = static_cast<size_t>(-1);
  At(const At* up, std::string_view name, size_t index, std::string_view key)
      : up_(up), name_(name), key_(key), index_(index) {}

  const At* up_ = nullptr;
  std::string_view name_;
  std::string_view key_;
  size_t index_ = kNone;
};

template <typename Value>
concept Whole = std::same_as<Value, JsonObject> || std::same_as<Value, JsonArray>;

// Causes that are told; of the rest only the number is.
inline constexpr size_t kMaxCauses = 100;

// Collects causes, each of some hundred bytes. `name` is a field below `at`; empty: `at` itself.
class Errors {
 public:
  void required(const At& at, std::string_view name, std::string_view detail = {});
  void invalid(const At& at, std::string_view name, const Json& value, std::string_view detail);
  // Without the copy that a Json of it would be.
  template <Whole Value>
  void invalid(const At& at, std::string_view name, const Value& value, std::string_view detail);
  // Does not say what the value is.
  void invalid(const At& at, std::string_view name, std::string_view detail);
  void not_supported(const At& at, std::string_view name, std::string_view value,
                     std::span<const std::string> supported);
  void not_supported(const At& at, std::string_view name, std::string_view value,
                     std::initializer_list<std::string_view> supported);
  // Of more than a text.
  template <Whole Value>
  void not_supported(const At& at, std::string_view name, const Value& value,
                     std::initializer_list<std::string_view> supported);
  void duplicate(const At& at, std::string_view name, const Json& value);
  template <Whole Value>
  void duplicate(const At& at, std::string_view name, const Value& value);
  void not_found(const At& at, std::string_view name, std::string_view value);
  void forbidden(const At& at, std::string_view name, std::string_view detail);
  void too_long(const At& at, std::string_view name, size_t limit);
  void too_many(const At& at, std::string_view name, size_t count, size_t limit);

  // Each problem that the named format finds in the value is one Invalid.
  void format(const At& at, std::string_view name, std::string_view format, std::string_view value);

  bool empty() const { return causes_.empty(); }
  size_t size() const { return causes_.size() + more_; }
  // No more are told, so that there is no need to put their words together.
  bool full() const { return causes_.size() >= kMaxCauses; }
  // The last one says how many are not told, if any.
  std::vector<StatusCause> take();

 private:
  template <typename Message>
  void add(const At& at, std::string_view name, std::string_view reason, Message&& message);
  std::vector<StatusCause> causes_;
  size_t more_ = 0;
};

// What the named format finds wrong, each in upstream's words. Empty: nothing.
std::vector<std::string> format_problems(std::string_view format, std::string_view value);

// "must be between 1 and 65535, inclusive"
std::string inclusive_range(int64_t low, int64_t high);

}  // namespace gantry::schema
