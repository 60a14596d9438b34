// Decides whether an identity may do something. The API server asks before it does anything; RBAC and webhooks
// implement it later.
//
// Called on network threads, workers and the server's loop; implementations must be thread-safe and must not block. One
// that has to ask somebody else answers later: the request waits meanwhile, and holds up no other.
#pragma once

#include <string>

#include "core/http/http.hpp"
#include "core/limits/later.hpp"

namespace gantry::auth {

// What somebody wants to do, in the words of authorization.k8s.io.
struct Access {
  std::string verb;  // "get", "list", "watch", "create", ...
  std::string group, version, resource, subresource, ns, name;
  std::string path;  // of a non-resource request
  bool is_resource = false;
  bool operator==(const Access&) const = default;
};

// Forbidden: he may not; the message is the reason that he is given behind the server's own words, and may be empty.
inline Status denied(std::string reason = {}) { return Status::forbidden(std::move(reason)); }

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // limits::kPass: he may. denied(). Any other error: it could not be found out, which allows nothing. limits::kLater:
  // pause.later() was taken, and is called with one of these; `who` and `access` are gone by then. A deadline, a peer
  // that leaves and a server that stops end the wait before.
  virtual limits::Answer decide(const http::Identity& who, const Access& access, limits::Pause& pause) const = 0;
};

// Whoever proved an identity may do everything.
class AlwaysAllow : public Authorizer {
 public:
  limits::Answer decide(const http::Identity& who, const Access&, limits::Pause&) const override {
    return who.anonymous() ? denied() : limits::kPass;
  }
};

}  // namespace gantry::auth
