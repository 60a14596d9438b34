// TLS settings as OpenSSL keeps them: one context for a server, one for each kind of client.
//
// Made at start, then only read (OpenSSL counts references itself), from any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gantry/status.hpp"

struct ssl_ctx_st;
struct ssl_st;

namespace gantry::io {

struct ServerTls {
  std::string certificate_file, key_file;
  std::string client_ca_file;  // empty: no client certificates are asked for
};

struct ClientTls {
  std::string ca_pem;  // empty: the system's
  std::string certificate_pem, key_pem;
  bool insecure = false;  // insecure-skip-tls-verify
};

class TlsContext {
 public:
  static Expected<std::shared_ptr<TlsContext>> server(const ServerTls& options);
  static Expected<std::shared_ptr<TlsContext>> client(const ClientTls& options);
  ~TlsContext();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ssl_ctx_st* get() const { return context_; }

 private:
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}
  ssl_ctx_st* context_;
};

// What OpenSSL's error queue of this thread says; empties it.
std::string tls_error();

}  // namespace gantry::io
