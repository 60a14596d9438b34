// The indexes of an informer's cache: which objects have a value. Under the informer's lock; no lock of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace gantry::controller {

struct CachedObject;
using CachedPtr = std::shared_ptr<const CachedObject>;

// The bytes that these protobuf fields lead to, a text or a message; of one that is there twice, the last. Empty: none.
std::string_view find_field(std::string_view message, const std::vector<uint32_t>& path);

class ObjectIndex {
 public:
  // Calls `value` with each of an object's values.
  using Values = std::function<void(const CachedObject&, const std::function<void(const std::string&)>& value)>;
  explicit ObjectIndex(Values values) : values_(std::move(values)) {}

  void add(const CachedPtr& object);
  void remove(const CachedPtr& object);
  // In order of namespace and name; of one namespace, or of all ("").
  std::vector<CachedPtr> find(std::string_view value, std::string_view ns) const;

 private:
  struct ByName {
    using is_transparent = void;
    using Place = std::pair<std::string_view, std::string_view>;
    static Place place(const CachedPtr& object);
    bool operator()(const CachedPtr& a, const CachedPtr& b) const { return place(a) < place(b); }
    bool operator()(const CachedPtr& a, const Place& b) const { return place(a) < b; }
  };
  const Values values_;
  std::unordered_map<std::string, std::set<CachedPtr, ByName>> objects_;
};

}  // namespace gantry::controller
