// Where documents lie: each in an arena of its own, which goes with the last of its parts. A document lives for one
// request and is read more than changed. Between documents of different arenas a move of a value is a copy.
//
// What an arena takes is charged to an account until the arena goes. While a public function of this room works, a
// refusal ends it with 429 (413: it could never be had); what others put into a document afterwards is charged without
// asking, and never throws.
#pragma once

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <memory>
#include <type_traits>
#include <utility>

#include "core/limits/account.hpp"
#include "gantry/status.hpp"

namespace gantry::schema {

// `expected` bytes are a guess that need not be right. Without an account nothing is counted.
boost::json::storage_ptr make_arena(size_t expected, std::shared_ptr<limits::Account> account = nullptr);

// A copy in an arena of its own. Error: when the account refuses it.
boost::json::value copy_of(const boost::json::value& document);

// `place` becomes `from`, storage and all. An assignment would copy a document into the storage that `place` has
// already. For whole documents, and structs of them: what is inside one has the storage of the whole.
template <typename Holder>
void take_over(Holder& place, Holder&& from) noexcept {
  static_assert(std::is_nothrow_move_constructible_v<Holder>);
  if (&place == &from) return;
  std::destroy_at(&place);
  std::construct_at(&place, std::move(from));
}
Expected<boost::json::value> copy_of(const boost::json::value& document, std::shared_ptr<limits::Account> account);

}  // namespace gantry::schema
