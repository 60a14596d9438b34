// Where documents lie: each in an arena of its own, which goes with the last of its parts. A document lives for one
// request and is read more than changed. Between documents of different arenas a move of a value is a copy.
//
// What an arena takes is charged to an account until the arena goes. While a public function of this room works, a
// refusal ends it with 429; what others put into a document afterwards is charged without asking, and never throws.
#pragma once

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <memory>

#include "core/limits/account.hpp"
#include "gantry/status.hpp"

namespace gantry::schema {

// `expected` bytes are a guess that need not be right. Without an account nothing is counted.
boost::json::storage_ptr make_arena(size_t expected, std::shared_ptr<limits::Account> account = nullptr);

// A copy in an arena of its own. Error: TooManyRequests, when the account refuses it.
boost::json::value copy_of(const boost::json::value& document);
Expected<boost::json::value> copy_of(const boost::json::value& document, std::shared_ptr<limits::Account> account);

}  // namespace gantry::schema
