#include "core/schema/values/same_json.hpp"

namespace gantry::schema {

bool same_json(const boost::json::value& a, const boost::json::value& b) {
  if (a.is_object()) return b.is_object() && same_json(a.get_object(), b.get_object());
  if (a.is_array()) return b.is_array() && same_json(a.get_array(), b.get_array());
  return a == b;
}

bool same_json(const boost::json::object& a, const boost::json::object& b) {
  if (a.size() != b.size()) return false;
  auto other = b.begin();
  for (const auto& member : a) {
    // Mostly they were written in the same order.
    const auto* value = other->key() == member.key() ? &other->value() : b.if_contains(member.key());
    ++other;
    if (value == nullptr || !same_json(member.value(), *value)) return false;
  }
  return true;
}

bool same_json(const boost::json::array& a, const boost::json::array& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!same_json(a[i], b[i])) return false;
  }
  return true;
}

}  // namespace gantry::schema
