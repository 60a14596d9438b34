// Decides whether an identity may do something. The API server asks before it does anything; RBAC implements it later.
//
// Called on network threads; implementations must be thread-safe and must not block.
#pragma once

#include <string>

#include "core/http/http.hpp"

namespace gantry::auth {

// What somebody wants to do, in the words of authorization.k8s.io.
struct Access {
  std::string verb;  // "get", "list", "watch", "create", ...
  std::string group, version, resource, subresource, ns, name;
  std::string path;  // of a non-resource request
  bool is_resource = false;
};

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  virtual bool allowed(const http::Identity& who, const Access& access) const = 0;
};

// Whoever proved an identity may do everything.
class AlwaysAllow : public Authorizer {
 public:
  bool allowed(const http::Identity& who, const Access&) const override { return !who.anonymous(); }
};

}  // namespace gantry::auth
