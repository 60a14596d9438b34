// Inside of the strategic merge patch: what an element of a list is known by, where it stands, in which order a merged
// list is; and directives that are left out. Any thread.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/limits/account.hpp"
#include "core/schema/schema.hpp"

namespace gantry::schema::strategic {

using Array = boost::json::array;
using Object = boost::json::object;

inline constexpr std::string_view kDirective = "$patch";
inline constexpr std::string_view kRetainKeys = "$retainKeys";
inline constexpr std::string_view kOrderPrefix = "$setElementOrder/";
inline constexpr std::string_view kDeletePrefix = "$deleteFromPrimitiveList/";
inline constexpr size_t kNowhere = static_cast<size_t>(-1);

inline std::string_view view(boost::json::string_view text) { return {text.data(), text.size()}; }

// Errors that upstream has no HTTP answer for reach the client as a bare 500.
Status bare_error(std::string message);
Status no_merge_key(const Json& map, const std::string& key);
// A value as error messages show it, cut where it gets long.
std::string shown(const Json& value);

// Identity of a list element: its merge key's value, or the element itself in a primitive list.
bool identity(const Json& element, const std::string& merge_key, std::string& out);

// Places of elements by their identity, of equal ones the first. A tree, since hashes can be made to collide; what it
// takes is charged while it lives, and Refused thrown when that is refused.
class Positions {
 public:
  explicit Positions(const std::shared_ptr<limits::Account>& account) : charge_(account) {}
  Positions(const std::shared_ptr<limits::Account>& account, const Array& list, const std::string& merge_key);

  // False: it was there already.
  bool add(const std::string& id, size_t place);
  size_t find(const std::string& id) const;
  bool contains(const std::string& id) const { return find(id) != kNowhere; }
  bool empty() const { return places_.empty(); }
  // What it takes, about.
  size_t bytes() const { return bytes_; }

 private:
  limits::Charge charge_;
  size_t bytes_ = 0;
  std::map<std::string, size_t> places_;
};

// The order of a merged list: elements the patch names in the patch's order, others in the server's order, and
// of the two streams the server's element goes first where the server had it first.
Array in_order(Array merged, const Positions& patch, const Positions& server, const std::string& merge_key);

// Leaves out of a value that is taken whole what only has a meaning for merging.
void discard(Json& value);

}  // namespace gantry::schema::strategic
