#include "reference.hpp"

#include <algorithm>
#include <cctype>

#include "digest.hpp"

namespace gantry::oci {
namespace {

bool plain(std::string_view text, std::string_view extra) {
  return !text.empty() && std::ranges::all_of(text, [&](unsigned char c) {
    return std::islower(c) != 0 || std::isdigit(c) != 0 || extra.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool valid_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= 128 && tag[0] != '.' && tag[0] != '-' &&
         std::ranges::all_of(tag,
                             [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; });
}

bool valid_path(std::string_view path) {
  for (;;) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (!plain(part, "._-") || std::isalnum(static_cast<unsigned char>(part.front())) == 0 ||
        std::isalnum(static_cast<unsigned char>(part.back())) == 0) {
      return false;
    }
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool valid_host(std::string_view host) {
  return !host.empty() && (std::isalnum(static_cast<unsigned char>(host[0])) != 0 || host[0] == '[') &&
         std::ranges::all_of(host, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '-' || c == ':' || c == '[' || c == ']' || c == '_';
         });
}

}  // namespace

std::string Reference::text() const {
  return repository + (tag.empty() ? "" : ":" + tag) + (digest.empty() ? "" : "@" + digest);
}

Expected<Reference> parse_reference(std::string_view text) {
  const auto wrong = [&] {
    return Status::bad_request("couldn't parse image name \"" + std::string(text) + "\": invalid reference format");
  };
  Reference out;
  auto rest = text;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    out.digest = std::string(rest.substr(at + 1));
    if (digest_hex(out.digest).empty()) return wrong();
    rest = rest.substr(0, at);
  }
  const auto slash = rest.rfind('/');
  if (const auto colon = rest.rfind(':');
      colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    out.tag = std::string(rest.substr(colon + 1));
    if (!valid_tag(out.tag)) return wrong();
    rest = rest.substr(0, colon);
  }
  // The first part is a registry when it could not be a folder of Docker Hub's.
  std::string host = "docker.io";
  std::string path(rest);
  if (const auto first = rest.find('/'); first != std::string_view::npos) {
    const auto candidate = rest.substr(0, first);
    if (candidate == "localhost" || candidate.find_first_of(".:") != std::string_view::npos) {
      host = std::string(candidate);
      path = std::string(rest.substr(first + 1));
    }
  }
  if (host == "index.docker.io") host = "docker.io";
  if (host == "docker.io" && path.find('/') == std::string::npos) path = "library/" + path;
  if (!valid_host(host) || !valid_path(path) || rest.size() > 255) return wrong();
  out.repository = host + "/" + path;
  if (out.tag.empty() && out.digest.empty()) out.tag = "latest";
  return out;
}

}  // namespace gantry::oci
