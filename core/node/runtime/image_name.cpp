#include "core/node/runtime/image_name.hpp"

#include <algorithm>
#include <cstddef>

namespace gantry::node {
namespace {

constexpr size_t kMaxRepository = 255, kMaxTag = 128, kLeastDigest = 32, kIdDigits = 64;

bool lower(char c) { return c >= 'a' && c <= 'z'; }
bool upper(char c) { return c >= 'A' && c <= 'Z'; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return lower(c) || upper(c); }
bool hex(char c) { return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
bool plain(char c) { return lower(c) || digit(c); }  // of a path

template <typename Test>
bool all(std::string_view text, Test&& test) {
  return std::all_of(text.begin(), text.end(), test);
}

// Calls `part` for each piece between separators; false as soon as it says so.
template <typename Part>
bool each(std::string_view text, char separator, Part&& part) {
  while (true) {
    const auto end = text.find(separator);
    if (!part(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

// Letters and digits, with ".", "_", "__" or dashes between them.
bool is_path_part(std::string_view part) {
  if (part.empty() || !plain(part.front()) || !plain(part.back())) return false;
  for (size_t i = 0; i < part.size();) {
    if (plain(part[i])) {
      ++i;
      continue;
    }
    const auto end = std::find_if(part.begin() + static_cast<ptrdiff_t>(i), part.end(), plain);
    const auto between = part.substr(i, static_cast<size_t>(end - part.begin()) - i);
    if (between != "." && between != "_" && between != "__" && !all(between, [](char c) { return c == '-'; })) {
      return false;
    }
    i += between.size();
  }
  return true;
}

bool is_host_part(std::string_view part) {
  const auto alone = [](char c) { return letter(c) || digit(c); };
  return !part.empty() && alone(part.front()) && alone(part.back()) &&
         all(part, [&](char c) { return alone(c) || c == '-'; });
}

bool is_domain(std::string_view domain) {
  std::string_view port = "0";
  if (domain.starts_with('[')) {
    const auto end = domain.find(']');
    if (end == std::string_view::npos) return false;
    const auto rest = domain.substr(end + 1);
    if (!rest.empty() && !rest.starts_with(':')) return false;
    if (!rest.empty()) port = rest.substr(1);
    const auto address = domain.substr(1, end - 1);
    return !address.empty() && all(address, [](char c) { return hex(c) || c == ':'; }) && !port.empty() &&
           all(port, digit);
  }
  if (const auto colon = domain.find(':'); colon != std::string_view::npos) {
    port = domain.substr(colon + 1);
    domain = domain.substr(0, colon);
  }
  return !port.empty() && all(port, digit) && each(domain, '.', is_host_part);
}

bool is_tag(std::string_view tag) {
  const auto word = [](char c) { return letter(c) || digit(c) || c == '_'; };
  return !tag.empty() && tag.size() <= kMaxTag && word(tag.front()) &&
         all(tag, [&](char c) { return word(c) || c == '.' || c == '-'; });
}

// "sha256:0123...", also with a composed algorithm ("a+b").
bool is_digest(std::string_view digest) {
  const auto colon = digest.find(':');
  if (colon == std::string_view::npos) return false;
  const auto value = digest.substr(colon + 1);
  if (value.size() < kLeastDigest || !all(value, hex)) return false;
  bool begins = true;  // each part of the algorithm with a letter
  for (const char c : digest.substr(0, colon)) {
    const bool separator = std::string_view("-_+.").find(c) != std::string_view::npos;
    if (begins ? !letter(c) : !(letter(c) || digit(c) || separator)) return false;
    begins = separator;
  }
  return !begins;
}

struct Parts {
  std::string domain, rest;
};

// The first part is a registry when it could not be a folder of Docker Hub's.
Parts split(std::string_view name) {
  Parts out{"docker.io", std::string(name)};
  const auto slash = name.find('/');
  const auto first = name.substr(0, slash);
  if (slash != std::string_view::npos && (first.find_first_of(".:") != std::string_view::npos || first == "localhost" ||
                                          std::any_of(first.begin(), first.end(), upper))) {
    out = {std::string(first), std::string(name.substr(slash + 1))};
  }
  if (out.domain == "index.docker.io") out.domain = "docker.io";
  if (out.domain == "docker.io" && out.rest.find('/') == std::string::npos) out.rest.insert(0, "library/");
  return out;
}

bool is_reference(const Parts& parts) {
  std::string_view path = parts.rest;
  if (const auto at = path.find('@'); at != std::string_view::npos) {
    if (!is_digest(path.substr(at + 1))) return false;
    path = path.substr(0, at);
  }
  if (const auto colon = path.find(':'); colon != std::string_view::npos) {
    if (!is_tag(path.substr(colon + 1))) return false;
    path = path.substr(0, colon);
  }
  return parts.domain.size() + 1 + path.size() <= kMaxRepository && is_domain(parts.domain) &&
         each(path, '/', is_path_part);
}

}  // namespace

Status check_image_name(std::string_view name) {
  if (name.size() == kIdDigits && all(name, [](char c) { return hex(c) && !upper(c); })) {
    return Status::invalid("invalid repository name (" + std::string(name) +
                           "), cannot specify 64-byte hexadecimal strings");
  }
  auto parts = split(name);
  if (is_reference(parts)) return {};
  const auto end = std::min(parts.rest.find_first_of(":@"), parts.rest.size());
  const auto repository = parts.rest.substr(0, end);
  std::transform(parts.rest.begin(), parts.rest.begin() + static_cast<ptrdiff_t>(end), parts.rest.begin(),
                 [](char c) { return upper(c) ? static_cast<char>(c - 'A' + 'a') : c; });
  // Nothing else is wrong with it.
  if (is_reference(parts)) {
    return Status::invalid("invalid reference format: repository name (" + repository + ") must be lowercase");
  }
  return Status::invalid("invalid reference format");
}

}  // namespace gantry::node
