// The options that every write has. [any-thread]
#include "core/apiserver/request/write_options.hpp"

#include <algorithm>
#include <cstdio>
#include <iterator>

#include "core/apiserver/request/errors.hpp"
#include "gantry/text.hpp"

namespace gantry::apiserver {
namespace {

constexpr size_t kLongestManager = 128;

std::string options_kind(std::string_view verb) {
  if (verb == "create") return "CreateOptions";
  if (verb == "update") return "UpdateOptions";
  return verb == "patch" ? "PatchOptions" : "DeleteOptions";
}

Status unsupported(std::string_view verb, std::string_view field, std::string_view value,
                   const std::string& supported) {
  return invalid_options(options_kind(verb), field, "FieldValueNotSupported",
                         "Unsupported value: \"" + std::string(value) + "\": supported values: " + supported);
}

// The character at the front, of so many bytes.
uint32_t code_point(std::string_view text, size_t length) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(text[i])); };
  if (length == 1) return byte(0);
  uint32_t out = byte(0) & (0xffU >> (length + 1));
  for (size_t i = 1; i < length; ++i) out = out << 6 | (byte(i) & 0x3f);
  return out;
}

// Controls, formats, spaces other than the usual one, private use and no characters, by Unicode's categories. Those
// that Unicode has given to nothing yet are let pass.
bool is_printable(uint32_t c) {
  struct Span {
    uint32_t first, last;
  };
  static constexpr Span kNone[] = {{0, 0x1f},          {0x7f, 0xa0},       {0xad, 0xad},       {0x600, 0x605},
                                   {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},
                                   {0x8e2, 0x8e2},     {0x1680, 0x1680},   {0x180e, 0x180e},   {0x2000, 0x200f},
                                   {0x2028, 0x202f},   {0x205f, 0x206f},   {0x3000, 0x3000},   {0xe000, 0xf8ff},
                                   {0xfdd0, 0xfdef},   {0xfeff, 0xfeff},   {0xfff0, 0xfffb},   {0xfffe, 0xffff},
                                   {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3},
                                   {0x1d173, 0x1d17a}, {0xe0000, 0xe00ff}, {0xf0000, 0x10ffff}};
  const auto* at = std::upper_bound(std::begin(kNone), std::end(kNone), c,
                                    [](uint32_t value, const Span& range) { return value < range.first; });
  return at == std::begin(kNone) || c > std::prev(at)->last;
}

Status check_field_manager(std::string_view verb, std::string_view manager) {
  constexpr std::string_view kField = "fieldManager";
  if (manager.size() > kLongestManager) {
    return invalid_options(options_kind(verb), kField, "FieldValueTooLong",
                           "Too long: may not be more than " + std::to_string(kLongestManager) + " bytes");
  }
  for (size_t at = 0; at < manager.size();) {
    const auto rest = manager.substr(at);
    const size_t length = utf8_length(rest);  // what is no character shows as one
    if (const uint32_t c = length == 0 ? 0xfffd : code_point(rest, length); !is_printable(c)) {
      char name[16];
      std::snprintf(name, sizeof(name), "U+%04X", static_cast<unsigned>(c));
      return invalid_options(options_kind(verb), kField, "FieldValueInvalid",
                             "Invalid value: " + quoted(manager) + ": invalid character " + name + " (at position " +
                                 std::to_string(at) + ")");
    }
    at += std::max<size_t>(length, 1);
  }
  return {};
}

}  // namespace

Status read_write_options(Call& call, std::string_view verb) {
  const bool deletes = verb == "delete" || verb == "deletecollection";
  if (auto status = check_field_manager(verb, call.query.get("fieldManager")); !deletes && !status.ok()) return status;
  for (const auto& value : call.query.all("dryRun")) {
    if (value != "All") return unsupported(verb, "dryRun", value, "\"All\"");
    call.dry_run = true;
  }
  const auto validation = call.query.get("fieldValidation");
  for (const std::string_view known : {"", "Ignore", "Warn", "Strict"}) {
    if (validation == known) return {};
  }
  return unsupported(verb, "fieldValidation", validation, R"("", "Ignore", "Strict", "Warn")");
}

}  // namespace gantry::apiserver
