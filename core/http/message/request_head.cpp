#include "core/http/message/request_head.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "core/http/message/http_text.hpp"

namespace gantry::http {
namespace {

constexpr std::array<bool, 256> table_of(std::string_view extra) {
  std::array<bool, 256> table{};
  for (int c = '0'; c <= '9'; ++c) table[static_cast<size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[static_cast<size_t>(c)] = table[static_cast<size_t>(c - 'a' + 'A')] = true;
  for (const char c : extra) table[static_cast<unsigned char>(c)] = true;
  return table;
}
constexpr auto kToken = table_of("!#$%&'*+-.^_`|~");
constexpr auto kHost = table_of("-._~!$&'()*+,;=%:[]");

bool all_of(std::string_view text, const std::array<bool, 256>& table) {
  return std::all_of(text.begin(), text.end(), [&](char c) { return table[static_cast<unsigned char>(c)]; });
}

bool visible(char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; }

std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Cuts "http://host" off an absolute-form target; false when it is something else.
bool to_origin_form(std::string_view& target, std::string& path) {
  const size_t scheme = target.find("://");
  if (scheme == target.npos) return false;
  const auto name = target.substr(0, scheme);
  if (!equals_ignoring_case(name, "https") && !equals_ignoring_case(name, "http")) return false;
  target.remove_prefix(scheme + 3);
  const size_t end = std::min(target.find_first_of("/?"), target.size());
  if (end == 0 || !all_of(target.substr(0, end), kHost)) return false;
  target.remove_prefix(end);
  if (target.empty() || target.front() == '?') path = "/";
  return true;
}

bool escapes_are_whole(std::string_view path) {
  const auto is_hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  for (size_t at = path.find('%'); at != path.npos; at = path.find('%', at + 3)) {
    if (at + 2 >= path.size() || !is_hex(path[at + 1]) || !is_hex(path[at + 2])) return false;
  }
  return true;
}

// A path and a query out of a target in one of the forms that this server answers.
Status read_target(std::string_view target, http::Request& request) {
  if (!std::all_of(target.begin(), target.end(), [](char c) { return visible(c) && c != '#'; })) {
    return malformed("a character in the target that none may have");
  }
  if (target == "*") {
    if (request.method != "OPTIONS") return malformed("the target * is for OPTIONS");
    request.path = "*";
    return {};
  }
  if (target.empty() || (target.front() != '/' && !to_origin_form(target, request.path))) {
    return malformed("the target is neither a path nor an http(s) URL");
  }
  const size_t mark = std::min(target.find('?'), target.size());
  request.path.append(target.substr(0, mark));
  if (!escapes_are_whole(request.path)) return malformed("an escape in the path that is none");
  if (mark < target.size()) request.query = std::string(target.substr(mark + 1));
  return {};
}

Status read_request_line(std::string_view line, RequestHead& head) {
  const size_t first = line.find(' '), last = line.rfind(' ');
  if (first == line.npos || first == last) return malformed("the request line");
  const auto method = line.substr(0, first), version = line.substr(last + 1);
  if (method.empty() || !all_of(method, kToken)) return malformed("the method");
  const bool digits = version.size() == 8 && version.starts_with("HTTP/") && version[6] == '.' && version[5] >= '0' &&
                      version[5] <= '9' && version[7] >= '0' && version[7] <= '9';
  if (!digits) return malformed("the version");
  if (version[5] != '1') return {505, "BadRequest", "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  head.version_11 = version[7] != '0';
  head.request.method = std::string(method);
  return read_target(line.substr(first + 1, last - first - 1), head.request);
}

// What of the fields decides how the connection goes on.
struct Control {
  std::vector<std::string_view> hosts, lengths, codings, connection, expect;
};

Control control_of(const http::Headers& headers) {
  Control control;
  for (const auto& [name, value] : headers) {
    if (name == "host") control.hosts.push_back(value);
    if (name == "content-length") control.lengths.push_back(value);
    if (name == "transfer-encoding") control.codings.push_back(value);
    if (name == "connection") control.connection.push_back(value);
    if (name == "expect") control.expect.push_back(value);
  }
  return control;
}

Status check_host(const Control& control, bool version_11) {
  if (control.hosts.size() > 1) return malformed("more than one Host");
  if (control.hosts.empty()) return version_11 ? malformed("no Host") : Status();
  return all_of(control.hosts.front(), kHost) ? Status() : malformed("the value of Host");
}

// RFC 9112 6.1 and 6.3: a body whose end is known only if chunked is the last coding, and the only one we can undo.
Status read_codings(const std::vector<std::string_view>& codings) {
  std::vector<std::string_view> all;
  for (std::string_view list : codings) {
    for (size_t comma = 0; comma != list.npos;) {
      comma = list.find(',');
      if (const auto item = trimmed(list.substr(0, comma)); !item.empty()) all.push_back(item);
      if (comma != list.npos) list.remove_prefix(comma + 1);
    }
  }
  const auto chunked = [](std::string_view coding) { return equals_ignoring_case(coding, "chunked"); };
  if (all.empty() || !chunked(all.back()) || std::count_if(all.begin(), all.end(), chunked) != 1) {
    return malformed("the last transfer coding must be chunked, and no other");
  }
  if (all.size() > 1) return {501, "NotImplemented", "the only transfer coding that is understood is chunked"};
  return {};
}

Status read_framing(const Control& control, RequestHead& head) {
  if (!control.codings.empty()) {
    if (!head.version_11) return malformed("a transfer coding with HTTP/1.0");
    if (!control.lengths.empty()) return malformed("both Content-Length and Transfer-Encoding");
    head.framing = Framing::kChunked;
    return read_codings(control.codings);
  }
  if (control.lengths.empty()) return {};
  if (control.lengths.size() > 1) return malformed("more than one Content-Length");
  const auto text = control.lengths.front();
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), head.length);
  if (problem != std::errc() || end != text.data() + text.size()) {
    return malformed("the value of Content-Length");
  }
  head.framing = head.length > 0 ? Framing::kLength : Framing::kNone;
  return {};
}

Status read_expectation(const Control& control, RequestHead& head) {
  for (const auto value : control.expect) {
    if (!equals_ignoring_case(value, "100-continue")) {
      return {417, "BadRequest", "the only expectation that is understood is 100-continue"};
    }
    head.expects_continue = head.version_11 && head.framing != Framing::kNone;
  }
  return {};
}

Status read_control(RequestHead& head) {
  const auto control = control_of(head.request.headers);
  if (auto status = check_host(control, head.version_11); !status.ok()) return status;
  if (auto status = read_framing(control, head); !status.ok()) return status;
  const auto says = [&](std::string_view token) {
    return std::any_of(control.connection.begin(), control.connection.end(),
                       [&](std::string_view value) { return has_token(value, token); });
  };
  head.keep_alive = !says("close") && (head.version_11 || says("keep-alive"));
  return read_expectation(control, head);
}

}  // namespace

Expected<std::pair<std::string, std::string>> parse_field(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == line.npos || colon == 0 || !all_of(line.substr(0, colon), kToken)) {
    return malformed("a field's name");  // an obsolete folded line is one of these
  }
  const auto value = trimmed(line.substr(colon + 1));
  if (!std::all_of(value.begin(), value.end(), [](char c) { return visible(c) || c == ' ' || c == '\t'; })) {
    return malformed("a field's value");
  }
  std::string name(line.substr(0, colon));
  for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::pair(std::move(name), std::string(value));
}

Expected<RequestHead> parse_head(std::string_view text, size_t most_fields) {
  RequestHead head;
  size_t end = text.find("\r\n");
  if (auto status = read_request_line(text.substr(0, end), head); !status.ok()) return status;
  for (size_t at = end + 2;; at = end + 2) {
    end = text.find("\r\n", at);
    if (end == at || end == text.npos) break;
    if (head.request.headers.size() == most_fields) {
      return Status(431, "BadRequest", "more than " + std::to_string(most_fields) + " request header fields");
    }
    auto field = parse_field(text.substr(at, end - at));
    if (!field) return std::move(field).error();
    head.request.headers.push_back(std::move(*field));
  }
  if (auto status = read_control(head); !status.ok()) return status;
  return head;
}

}  // namespace gantry::http
