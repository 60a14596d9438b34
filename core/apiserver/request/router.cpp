// Reads a path: which resource, which object, which subresource. Pure, any thread.
#include "core/apiserver/request/router.hpp"

#include <vector>

#include "core/apiserver/request/query.hpp"

namespace gantry::apiserver {
namespace {

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    if (path.front() == '/') {
      path.remove_prefix(1);
      continue;
    }
    const auto end = path.find('/');
    out.push_back(percent_decode(path.substr(0, end), false));
    path.remove_prefix(end == std::string_view::npos ? path.size() : end);
  }
  return out;
}

bool is_namespace_subresource(std::string_view name) { return name == "status" || name == "finalize"; }

}  // namespace

bool parse_path(const schema::Schema& schema, std::string_view raw_path, Target& target) {
  const auto parts = segments_of(raw_path);
  size_t next = 0;
  if (parts.size() >= 2 && parts[0] == "api") {
    target.version = parts[1];
    next = 2;
  } else if (parts.size() >= 3 && parts[0] == "apis") {
    target.group = parts[1];
    target.version = parts[2];
    next = 3;
  } else {
    return false;
  }
  if (parts.size() == next) {
    target.group_version_only = true;
    return true;
  }
  // "/namespaces/x/pods" names a namespace; "/namespaces/x" and its subresources name a Namespace object.
  if (parts[next] == "namespaces" && parts.size() >= next + 3 &&
      !(parts.size() == next + 3 && is_namespace_subresource(parts[next + 2]))) {
    target.ns = parts[next + 1];
    next += 2;
  }
  target.resource = parts[next++];
  if (next < parts.size()) target.name = parts[next++];
  if (next < parts.size()) target.subresource = parts[next++];
  for (; next < parts.size(); ++next) target.rest += "/" + parts[next];
  target.kind = schema.find_resource(target.group, target.version, target.resource);
  return true;
}

}  // namespace gantry::apiserver
