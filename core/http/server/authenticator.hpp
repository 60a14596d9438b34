// Who a request comes from, as the server asks for it. core/auth implements it.
#pragma once

#include <string>
#include <string_view>

#include "core/http/http.hpp"
#include "core/http/server/peer_certificate.hpp"
#include "gantry/status.hpp"

namespace gantry::http {

class Authenticator {
 public:
  virtual ~Authenticator() = default;
  // Unauthorized for a credential that was shown and is not good; `why`, which may be null, then tells the log what the
  // peer is not told. `authorization` is the header's value. On the network threads, by several at once; must not wait.
  virtual Expected<Identity> authenticate(const PeerCertificate& peer, std::string_view authorization,
                                          std::string* why = nullptr) const = 0;
};

}  // namespace gantry::http
