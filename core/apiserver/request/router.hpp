// Reads a path: which resource, which object, which subresource. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "core/schema/schema.hpp"

namespace gantry::apiserver {

struct Target {
  const schema::Kind* kind = nullptr;  // null: no such resource
  std::string group, version, resource;
  std::string ns, name, subresource;
  bool group_version_only = false;  // "/api/v1", "/apis/apps/v1": discovery
  std::string rest;                 // behind the subresource (proxy paths)

  size_t bytes() const {
    return group.size() + version.size() + resource.size() + ns.size() + name.size() + subresource.size() + rest.size();
  }
};

// False when the path is not one of an API group version ("/version", "/apis").
bool parse_path(const schema::Schema& schema, std::string_view raw_path, Target& target);

}  // namespace gantry::apiserver
