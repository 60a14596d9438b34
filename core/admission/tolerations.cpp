#include "core/admission/tolerations.hpp"

#include <boost/json/object.hpp>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/schema/values/json_access.hpp"

namespace gantry::admission {
namespace {

using boost::json::array;
using boost::json::object;
using schema::get_text;

struct Toleration {
  explicit Toleration(const object& of)
      : source(&of),
        key(get_text(of, "key")),
        how(get_text(of, "operator")),
        value(get_text(of, "value")),
        effect(get_text(of, "effect")) {
    constexpr std::string_view kSeconds = "tolerationSeconds";
    if (schema::get(of, kSeconds) != nullptr) seconds = schema::get_number(of, kSeconds);
  }
  bool exists() const { return how == "Exists"; }
  bool equals() const { return how.empty() || how == "Equal"; }

  const object* source;
  std::string_view key, how, value, effect;
  std::optional<int64_t> seconds;
};

std::string joined(std::initializer_list<std::string_view> parts) {
  std::string out;
  for (const auto part : parts) out.append(std::to_string(part.size())).append(":").append(part);
  return out;
}

std::string identity_of(const Toleration& one) {
  return joined({one.key, one.how, one.value, one.effect, one.seconds ? std::to_string(*one.seconds) : "-"});
}

// Those of one place tolerate the same taints, if perhaps not for as long.
std::string place_of(std::string_view key, bool exists, std::string_view value, std::string_view effect) {
  return joined({key, exists ? "Exists" : "Equal", exists ? std::string_view() : value, effect});
}

// How long those of a place tolerate.
struct Place {
  size_t for_ever = 0, limited = 0;
  std::map<int64_t, size_t> seconds;
};

// A set of tolerations that says whether one more is needless.
class Tolerated {
 public:
  void add(const Toleration& one) { count(one, 1); }
  void remove(const Toleration& one) { count(one, -1); }
  // Whether one that differs, or the same one where that counts, tolerates all that this one does.
  bool covers(const Toleration& one, bool by_the_same) const {
    const auto same = same_.find(identity_of(one));
    const size_t same_count = same == same_.end() ? 0 : same->second;
    if (by_the_same && same_count > 0) return true;
    const auto own = place_of(one.key, one.exists(), one.value, one.effect);
    for (const auto effect : {one.effect, std::string_view()}) {
      for (const auto& place : {place_of(one.key, true, "", effect), place_of("", true, "", effect),
                                one.equals() ? place_of(one.key, false, one.value, effect) : std::string()}) {
        if (longer(place, effect, one, place == own ? same_count : 0)) return true;
      }
    }
    return false;
  }

 private:
  void count(const Toleration& one, int by) {
    const auto add = [by](size_t& number) { number = static_cast<size_t>(static_cast<ptrdiff_t>(number) + by); };
    add(same_[identity_of(one)]);
    if (!one.exists() && !one.equals()) return;
    auto& place = places_[place_of(one.key, one.exists(), one.value, one.effect)];
    if (!one.seconds) return add(place.for_ever);
    add(place.limited);
    size_t& number = place.seconds[*one.seconds];
    add(number);
    if (number == 0) place.seconds.erase(*one.seconds);
  }

  // Whether there is one as long in that place, `same` that are as this one apart.
  bool longer(const std::string& at, std::string_view effect, const Toleration& one, size_t same) const {
    const auto found = places_.find(at);
    if (found == places_.end()) return false;
    const Place& place = found->second;
    if (place.for_ever > (one.seconds ? 0 : same)) return true;
    // Seconds say something of NoExecute alone.
    if (effect != "NoExecute") return place.limited > (one.seconds ? same : 0);
    if (!one.seconds || place.seconds.empty()) return false;
    const auto& [longest, count] = *place.seconds.rbegin();
    return longest > *one.seconds || (longest == *one.seconds && count > same);
  }

  std::unordered_map<std::string, size_t> same_;
  std::unordered_map<std::string, Place> places_;
};

}  // namespace

array merged_tolerations(const array& all) {
  std::vector<Toleration> given;
  Tolerated before, behind;
  for (const auto& one : all) {
    if (one.is_object()) behind.add(given.emplace_back(one.get_object()));
  }
  array out;
  for (const auto& one : given) {
    behind.remove(one);
    if (before.covers(one, true) || behind.covers(one, false)) continue;
    before.add(one);
    out.push_back(*one.source);
  }
  return out;
}

}  // namespace gantry::admission
