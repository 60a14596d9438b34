// Owns the named formats of the schema: which text they take, and upstream's words for what they do not.
// Pure functions, any thread. Written without regular expressions, since names are checked on every write.

#include <array>

#include "core/schema/rules/field_errors.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::schema {
namespace {

using Faults = std::vector<std::string>;

constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower_alnum(char c) { return is_lower(c) || is_digit(c); }
constexpr bool is_alnum(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }

template <typename Inner>
bool all_of(std::string_view text, Inner&& inner) {
  for (char c : text) {
    if (!inner(c)) return false;
  }
  return true;
}

// A non-empty run of `inner` that begins and ends with `edge`.
template <typename Edge, typename Inner>
bool framed(std::string_view text, Edge&& edge, Inner&& inner) {
  return !text.empty() && edge(text.front()) && edge(text.back()) && all_of(text, inner);
}

bool is_label(std::string_view text) {
  return framed(text, is_lower_alnum, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

bool is_subdomain(std::string_view text) {
  while (true) {
    size_t dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// The part of a label's key or value: ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]
bool is_label_text(std::string_view text) {
  return framed(text, is_alnum, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
}

std::string longer_than(size_t limit) { return "must be no more than " + std::to_string(limit) + " bytes"; }

constexpr std::string_view kLabelRule =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end "
    "with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view kSubdomainRule =
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
constexpr std::string_view kDns1035Rule =
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is "
    "'[a-z]([-a-z0-9]*[a-z0-9])?')";
constexpr std::string_view kQualifiedRule =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character "
    "(e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
constexpr std::string_view kLabelValueRule =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
constexpr std::string_view kEnvNameRule =
    "a valid environment variable name must consist only of printable ASCII characters other than '='";
constexpr std::string_view kConfigKeyRule =
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  "
    "or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
constexpr std::string_view kHeaderRule =
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for "
    "validation is '[-A-Za-z0-9]+')";

Faults label(std::string_view value) {
  Faults out;
  if (value.size() > 63) out.push_back(longer_than(63));
  if (!is_label(value)) out.emplace_back(is_subdomain(value) ? std::string_view("must not contain dots") : kLabelRule);
  return out;
}

Faults subdomain(std::string_view value) {
  Faults out;
  if (value.size() > 253) out.push_back(longer_than(253));
  if (!is_subdomain(value)) out.emplace_back(kSubdomainRule);
  return out;
}

Faults dns1035_label(std::string_view value) {
  Faults out;
  if (value.size() > 63) out.push_back(longer_than(63));
  if (!is_label(value) || !is_lower(value.front())) out.emplace_back(kDns1035Rule);
  return out;
}

Faults qualified_name(std::string_view value) {
  Faults out;
  std::string_view name = value;
  if (size_t slash = value.find('/'); slash != std::string_view::npos) {
    std::string_view prefix = value.substr(0, slash);
    name = value.substr(slash + 1);
    if (name.find('/') != std::string_view::npos) {
      out.push_back("a qualified name " + std::string(kQualifiedRule) +
                    " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')");
      return out;
    }
    if (prefix.empty()) {
      out.emplace_back("prefix part must be non-empty");
    } else {
      for (const std::string& problem : subdomain(prefix)) out.push_back("prefix part " + problem);
    }
  }
  if (name.empty()) {
    out.emplace_back("name part must be non-empty");
  } else if (name.size() > 63) {
    out.push_back("name part " + longer_than(63));
  }
  if (!is_label_text(name)) out.push_back("name part " + std::string(kQualifiedRule));
  return out;
}

Faults label_value(std::string_view value) {
  Faults out;
  if (value.size() > 63) out.push_back(longer_than(63));
  if (!value.empty() && !is_label_text(value)) out.emplace_back(kLabelValueRule);
  return out;
}

Faults port_name(std::string_view value) {
  Faults out;
  if (value.size() > 15) out.push_back(longer_than(15));
  if (value.empty() || !all_of(value, [](char c) { return is_lower_alnum(c) || c == '-'; })) {
    out.emplace_back("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  }
  if (all_of(value, [](char c) { return !is_lower(c); })) out.emplace_back("must contain at least one letter (a-z)");
  if (value.find("--") != std::string_view::npos) out.emplace_back("must not contain consecutive hyphens");
  if (!value.empty() && (value.front() == '-' || value.back() == '-')) {
    out.emplace_back("must not begin or end with a hyphen");
  }
  return out;
}

Faults port_number(std::string_view value) {
  int64_t number = 0;
  for (char c : value) {
    if (!is_digit(c) || number > 65535) return {inclusive_range(1, 65535)};
    number = number * 10 + (c - '0');
  }
  if (number < 1 || number > 65535) return {inclusive_range(1, 65535)};
  return {};
}

Faults env_name(std::string_view value) {
  if (value.empty()) return {"environment variable name must be non-empty"};
  if (!all_of(value, [](char c) { return c >= 0x20 && c < 0x7f && c != '='; })) return {std::string(kEnvNameRule)};
  return {};
}

Faults config_key(std::string_view value) {
  Faults out;
  if (value.size() > 253) out.push_back(longer_than(253));
  bool fits = !value.empty() && all_of(value, [](char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; });
  if (!fits) out.emplace_back(kConfigKeyRule);
  if (value == ".") out.emplace_back("must not be '.'");
  if (value == "..") {
    out.emplace_back("must not be '..'");
  } else if (value.starts_with("..")) {
    out.emplace_back("must not start with '..'");
  }
  return out;
}

Faults path_segment(std::string_view value) {
  if (value == ".") return {"may not be '.'"};
  if (value == "..") return {"may not be '..'"};
  Faults out;
  for (std::string_view bad : {"/", "%"}) {
    if (value.find(bad) != std::string_view::npos) out.push_back("may not contain '" + std::string(bad) + "'");
  }
  return out;
}

Faults absolute_path(std::string_view value) {
  if (!value.starts_with('/')) return {"must be an absolute path"};
  return {};
}

Faults quantity_nonnegative(std::string_view value) {
  auto quantity = Quantity::parse(value);
  if (!quantity) return {quantity.error().message()};
  if (quantity->negative()) return {"must be greater than or equal to 0"};
  return {};
}

Faults http_header(std::string_view value) {
  if (!value.empty() && all_of(value, [](char c) { return is_alnum(c) || c == '-'; })) return {};
  return {std::string(kHeaderRule)};
}

struct Format {
  std::string_view name;
  Faults (*check)(std::string_view);
};
constexpr std::array kFormats = {
    Format{"dns1123-subdomain", subdomain},
    Format{"dns1123-label", label},
    Format{"qualified-name", qualified_name},
    Format{"label-value", label_value},
    Format{"port-name", port_name},
    Format{"port-number", port_number},
    Format{"env-name", env_name},
    Format{"config-key", config_key},
    Format{"path-segment", path_segment},
    Format{"absolute-path", absolute_path},
    Format{"dns1035-label", dns1035_label},
    Format{"quantity-nonnegative", quantity_nonnegative},
    Format{"http-header", http_header},
};

}  // namespace

std::vector<std::string> format_problems(std::string_view format, std::string_view value) {
  for (const Format& known : kFormats) {
    if (known.name == format) return known.check(value);
  }
  return {};
}

bool known_format(std::string_view format) {
  for (const Format& known : kFormats) {
    if (known.name == format) return true;
  }
  return false;
}

std::string check_format(std::string_view format, std::string_view value) {
  std::string out;
  for (const std::string& problem : format_problems(format, value)) {
    if (!out.empty()) out.append(", ");
    out.append(problem);
  }
  return out;
}

}  // namespace gantry::schema
