#include "reference.hpp"

#include <algorithm>
#include <cctype>

namespace gantry::oci {
namespace {

constexpr size_t kMaxName = 255, kMaxTag = 128, kMaxQuoted = 256;

bool lower(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool letter_or_digit(char c) { return lower(c) || (c >= 'A' && c <= 'Z'); }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool hex(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool all(std::string_view text, bool (*is)(char)) { return !text.empty() && std::ranges::all_of(text, is); }

// What separates words of a path: "." or "_", "__", any number of "-".
bool separator(std::string_view text) {
  return text == "." || text == "_" || text == "__" || (!text.empty() && text.find_first_not_of('-') == text.npos);
}

bool valid_path_part(std::string_view part) {
  if (part.empty() || !lower(part.front()) || !lower(part.back())) return false;
  for (size_t i = 0; i < part.size();) {
    while (i < part.size() && lower(part[i])) i++;
    const auto begin = i;
    while (i < part.size() && !lower(part[i])) i++;
    if (i > begin && !separator(part.substr(begin, i - begin))) return false;
  }
  return true;
}

// Every part between separators passes.
bool each(std::string_view text, char at, bool (*is)(std::string_view)) {
  for (;;) {
    const auto end = text.find(at);
    if (!is(text.substr(0, end))) return false;
    if (end == text.npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool valid_host_part(std::string_view part) {
  return !part.empty() && letter_or_digit(part.front()) && letter_or_digit(part.back()) &&
         std::ranges::all_of(part, [](char c) { return letter_or_digit(c) || c == '-'; });
}

// A name or address, and perhaps a port.
bool valid_domain(std::string_view domain) {
  if (domain.starts_with('[')) {
    const auto close = domain.find(']');
    if (close == domain.npos || !all(domain.substr(1, close - 1), [](char c) { return hex(c) || c == ':'; }))
      return false;
    const auto rest = domain.substr(close + 1);
    return rest.empty() || (rest[0] == ':' && all(rest.substr(1), digit));
  }
  const auto colon = domain.find(':');
  if (colon != domain.npos && !all(domain.substr(colon + 1), digit)) return false;
  return each(domain.substr(0, colon), '.', valid_host_part);
}

bool valid_tag(std::string_view tag) {
  const auto word = [](char c) { return letter_or_digit(c) || c == '_'; };
  return !tag.empty() && tag.size() <= kMaxTag && word(tag[0]) &&
         std::ranges::all_of(tag, [&](char c) { return word(c) || c == '.' || c == '-'; });
}

bool valid_digest(std::string_view digest) {
  const auto colon = digest.find(':');
  if (colon == digest.npos) return false;
  const auto algorithm = digest.substr(0, colon);
  const size_t size = algorithm == "sha256" ? 64 : algorithm == "sha384" ? 96 : algorithm == "sha512" ? 128 : 0;
  const auto value = digest.substr(colon + 1);
  return value.size() == size && all(value, [](char c) { return hex(c) && std::isupper(c) == 0; });
}

// The first part is a registry when it could not be a folder of Docker Hub's.
bool names_registry(std::string_view first) {
  return first == "localhost" || first.find_first_of(".:") != first.npos ||
         std::ranges::any_of(first, [](char c) { return c >= 'A' && c <= 'Z'; });
}

}  // namespace

std::string Reference::text() const {
  return repository + (tag.empty() ? "" : ":" + tag) + (digest.empty() ? "" : "@" + digest);
}

std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  auto size = std::min(text.size(), kMaxQuoted);
  while (size < text.size() && size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) size--;
  for (const char c : text.substr(0, size)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return out + (size < text.size() ? "...\"" : "\"");
}

Expected<Reference> parse_reference(std::string_view text) {
  const auto wrong = [&] {
    return Status::bad_request("couldn't parse image name " + in_quotes(text) + ": invalid reference format");
  };
  Reference out;
  auto rest = text;
  if (const auto at = rest.find('@'); at != rest.npos) {
    out.digest = std::string(rest.substr(at + 1));
    if (!valid_digest(out.digest)) return wrong();
    rest = rest.substr(0, at);
  }
  std::string domain = "docker.io";
  auto path = rest;
  if (const auto slash = rest.find('/'); slash != rest.npos && names_registry(rest.substr(0, slash))) {
    domain = std::string(rest.substr(0, slash));
    path = rest.substr(slash + 1);
  }
  if (const auto colon = path.find(':'); colon != path.npos) {
    out.tag = std::string(path.substr(colon + 1));
    if (!valid_tag(out.tag)) return wrong();
    path = path.substr(0, colon);
  }
  // 64 hex digits are an image's id and never its name.
  if (text.size() == 64 && all(text, [](char c) { return hex(c) && std::isupper(c) == 0; })) return wrong();
  if (domain == "index.docker.io") domain = "docker.io";
  out.repository = domain + (domain == "docker.io" && path.find('/') == path.npos ? "/library/" : "/");
  out.repository += path;
  if (!valid_domain(domain) || !each(path, '/', valid_path_part) || out.repository.size() > kMaxName) return wrong();
  if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
  return out;
}

}  // namespace gantry::oci
