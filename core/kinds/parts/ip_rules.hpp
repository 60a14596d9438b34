// Rules of fields that hold IP addresses and ranges of them. Pure functions, any thread.
#pragma once

#include <array>
#include <optional>
#include <set>

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// An address of either family (of IPv4: the last four bytes), and how many of its family's bits belong to the range.
struct IpRange {
  std::array<uint8_t, 16> bytes{};
  bool six = false;
  int bits = 0;
};
// As older clients may write it, too: "010.0.0.5/08". Null: no range at all.
std::optional<IpRange> parse_range(std::string_view text);
// Whether all of `inner` is within `outer` and not all of it.
bool is_part(const IpRange& inner, const IpRange& outer);
// Whether somebody may take it for an address.
bool looks_like_ip(std::string_view text);

// New fields take only the one spelling that others print, old ones any that means the same to everybody.
enum class Spelling : uint8_t { kAny, kCanonical };
// What is wrong with an address, in upstream's words.
std::vector<std::string> ip_problems(std::string_view text, Spelling spelling);
void check_ip(std::string_view text, Spelling spelling, const At& at, std::string_view name, Errors& errors);
void check_range(std::string_view text, Spelling spelling, const At& at, std::string_view name, Errors& errors);

// Values of the stored object, which may stay as they are, wherever in the list: a client that changes something else
// need not mend them. Borrowed.
using Kept = std::set<std::string_view>;
Kept kept_texts(const JsonArray* list);
// Of fields that are older than these rules: anything that means the same to everybody, and what was kept.
void check_old_ip(std::string_view text, const Kept& kept, const At& at, std::string_view name, Errors& errors);
void check_old_range(std::string_view text, const Kept& kept, const At& at, std::string_view name, Errors& errors);

// What whoever writes a valid one is told of its spelling.
void warn_ip(std::string_view text, const At& at, Warnings& warnings);
void warn_range(std::string_view text, const At& at, Warnings& warnings);
// Of each text in the list at `key`.
void warn_ips(const JsonObject& object, std::string_view key, const At& at, Warnings& warnings);
void warn_ranges(const JsonObject& object, std::string_view key, const At& at, Warnings& warnings);

}  // namespace gantry::kinds
