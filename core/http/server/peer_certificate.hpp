// What a client's certificate says about it, as far as authentication cares.
//
// Read once after the handshake by the transport; checked for each request, since a connection may
// outlive the certificate. Value type.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct ssl_st;

namespace gantry::http {

struct PeerCertificate {
  bool present = false;
  std::string problem;  // empty: the chain leads to the client CA
  std::string common_name;
  std::vector<std::string> organizations;
  int64_t not_after = 0;  // Unix seconds
};

PeerCertificate peer_certificate(ssl_st* tls);

}  // namespace gantry::http
