// Says who a request comes from: client certificate, then bearer token, else anonymous.
//
// Called by the transport for each request on its network threads; immutable after create().
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/http/server/authenticator.hpp"
#include "gantry/status.hpp"

namespace gantry::auth {

class Authenticator : public http::Authenticator {
 public:
  struct Options {
    std::string token_file;  // csv: token,user,uid,"group1,group2"; empty: no tokens
  };
  static Expected<std::shared_ptr<Authenticator>> create(const Options& options);

  Expected<http::Identity> authenticate(const http::PeerCertificate& peer, std::string_view authorization,
                                        std::string* why = nullptr) const override;

 private:
  using Digest = std::array<unsigned char, 32>;
  Authenticator() = default;
  Status load_tokens(const std::string& file);
  const http::Identity* find_token(std::string_view token) const;

  // By SHA-256, so that a lookup's time tells nothing about the tokens.
  std::map<Digest, http::Identity> tokens_;
};

// Who connects to the daemon's own socket: its file mode is the proof.
http::Identity local_admin();

}  // namespace gantry::auth
