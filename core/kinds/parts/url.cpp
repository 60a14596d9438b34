#include "core/kinds/parts/url.hpp"

#include <algorithm>

#include "core/schema/values/text.hpp"

namespace gantry::kinds {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_among(std::string_view set, char c) { return set.find(c) != std::string_view::npos; }
bool is_plain(char c) { return is_alpha(c) || is_digit(c) || is_among("-_.~", c); }
bool is_in_host(char c) { return is_plain(c) || is_among("!$&'()*+,;=:[]<>\"", c); }

int hex(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// Where a piece of a URL stands, which decides what may be escaped in it.
enum class Part : uint8_t { kHost, kZone, kOther };

Status bad_escape(std::string_view text) {
  return Status::invalid("invalid URL escape " + schema::quoted(text.substr(0, 3)));
}

Expected<std::string> unescape(std::string_view text, Part part) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '%') {
      if (part != Part::kOther && static_cast<unsigned char>(c) < 0x80 && !is_in_host(c)) {
        return Status::invalid("invalid character " + schema::quoted(text.substr(i, 1)) + " in host name");
      }
      out += c;
      continue;
    }
    const std::string_view rest = text.substr(i);
    if (rest.size() < 3 || hex(rest[1]) < 0 || hex(rest[2]) < 0) return bad_escape(rest);
    const char value = static_cast<char>(hex(rest[1]) << 4 | hex(rest[2]));
    const bool percent = rest.starts_with("%25");
    if (part == Part::kHost && hex(rest[1]) < 8 && !percent) return bad_escape(rest);
    if (part == Part::kZone && !percent && value != ' ' && !is_in_host(value)) return bad_escape(rest);
    out += value;
    i += 2;
  }
  return out;
}

// Cuts the text at the mark, and gives what is behind it.
std::string_view cut_at(std::string_view& text, char mark) {
  const size_t at = std::min(text.find(mark), text.size());
  const std::string_view rest = text.substr(std::min(at + 1, text.size()));
  text = text.substr(0, at);
  return rest;
}

Status check_port(std::string_view port) {
  const bool good = port.empty() || (port.front() == ':' && std::all_of(port.begin() + 1, port.end(), is_digit));
  return good ? Status() : Status::invalid("invalid port " + schema::quoted(port) + " after host");
}

Expected<std::string> parse_host(std::string_view host) {
  if (!host.starts_with('[')) {
    const size_t colon = host.rfind(':');
    if (colon != std::string_view::npos) {
      if (auto status = check_port(host.substr(colon)); !status.ok()) return status;
    }
    return unescape(host, Part::kHost);
  }
  const size_t end = host.rfind(']');
  if (end == std::string_view::npos) return Status::invalid("missing ']' in host");
  if (auto status = check_port(host.substr(end + 1)); !status.ok()) return status;
  const size_t zone = std::min(host.substr(0, end).find("%25"), end);
  std::string out;
  for (const auto& [piece, part] :
       {std::pair{host.substr(0, zone), Part::kHost}, std::pair{host.substr(zone, end - zone), Part::kZone},
        std::pair{host.substr(end), Part::kHost}}) {
    const auto plain = unescape(piece, part);
    if (!plain) return plain.error();
    out += *plain;
  }
  return out;
}

void put_user(std::string_view plain, std::string& out) {
  constexpr char kHex[] = "0123456789ABCDEF";
  for (char c : plain) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(c) || is_among("$&+,;=", c)) {
      out += c;
    } else {
      out.append(1, '%').append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    }
  }
}

Expected<std::string> parse_user(std::string_view user) {
  const auto allowed = [](char c) { return is_plain(c) || is_among(":!$&'()*+,;=%@", c); };
  if (!std::all_of(user.begin(), user.end(), allowed)) return Status::invalid("net/url: invalid userinfo");
  const bool has_password = user.find(':') != std::string_view::npos;
  const auto password = unescape(cut_at(user, ':'), Part::kOther), name = unescape(user, Part::kOther);
  if (!name) return name.error();
  if (!password) return password.error();
  std::string out;
  put_user(*name, out);
  if (has_password) put_user(*password, out += ':');
  return out;
}

Status parse_authority(std::string_view text, Url& url) {
  const size_t at = text.rfind('@');
  auto host = parse_host(at == std::string_view::npos ? text : text.substr(at + 1));
  if (!host) return host.error();
  url.host = std::move(*host);
  if (at == std::string_view::npos) return {};
  auto user = parse_user(text.substr(0, at));
  if (!user) return user.error();
  url.user = std::move(*user);
  return {};
}

// How long the scheme is; 0: there is none.
size_t scheme_size(std::string_view text) {
  size_t i = 0;
  while (i < text.size() && (is_alpha(text[i]) || (i > 0 && (is_digit(text[i]) || is_among("+-.", text[i]))))) ++i;
  return i < text.size() && text[i] == ':' ? i : 0;
}

// All but the fragment.
Status parse_rest(std::string_view text, Url& url) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), is_control)) {
    return Status::invalid("net/url: invalid control character in URL");
  }
  if (text.starts_with(':')) return Status::invalid("missing protocol scheme");
  if (const size_t size = scheme_size(text); size > 0) {
    url.scheme = text.substr(0, size);
    for (char& c : url.scheme) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    text.remove_prefix(size + 1);
  }
  url.query = cut_at(text, '?');
  if (!text.starts_with('/')) {
    if (!url.scheme.empty()) return {};  // means something to its scheme alone
    if (text.substr(0, text.find('/')).find(':') != std::string_view::npos) {
      return Status::invalid("first path segment in URL cannot contain colon");
    }
  }
  if (text.starts_with("//") && (!url.scheme.empty() || !text.starts_with("///"))) {
    text.remove_prefix(2);
    const size_t end = std::min(text.find('/'), text.size());
    if (auto status = parse_authority(text.substr(0, end), url); !status.ok()) return status;
    text.remove_prefix(end);
  }
  const auto path = unescape(text, Part::kOther);
  return path ? Status() : path.error();
}

}  // namespace

Expected<Url> parse_url(std::string_view text) {
  Url url;
  std::string_view rest = text;
  const std::string_view fragment = cut_at(rest, '#');
  const auto wrong = [](std::string_view what, const Status& why) {
    return Status::invalid("parse " + schema::quoted(what) + ": " + why.message());
  };
  if (auto status = parse_rest(rest, url); !status.ok()) return wrong(rest, status);
  auto plain = unescape(fragment, Part::kOther);
  if (!plain) return wrong(text, plain.error());
  url.fragment = std::move(*plain);
  return url;
}

}  // namespace gantry::kinds
