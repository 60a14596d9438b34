// Contexts for both sides: TLS 1.2 and up, ALPN http/1.1, buffers released when idle.
#include "core/http/io/tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cstring>

namespace gantry::io {
namespace {

constexpr unsigned char kAlpn[] = "\x08http/1.1";

int select_alpn(SSL*, const unsigned char** out, unsigned char* out_length, const unsigned char* in,
                unsigned int in_length, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_length, kAlpn, sizeof(kAlpn) - 1, in, in_length) != OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

// A bad client certificate is answered with 401, not with a broken handshake: the token may be good.
int note_only(int, X509_STORE_CTX*) { return 1; }

SSL_CTX* new_context(const SSL_METHOD* method) {
  SSL_CTX* context = SSL_CTX_new(method);
  if (context == nullptr) return nullptr;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_read_ahead(context, 1);
  return context;
}

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioFree>;

BioPtr bio_of(const std::string& text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

Status use_certificate(SSL_CTX* context, const std::string& certificate, const std::string& key) {
  BioPtr cert_bio = bio_of(certificate);
  X509* leaf = PEM_read_bio_X509(cert_bio.get(), nullptr, nullptr, nullptr);
  if (leaf == nullptr) return Status::bad_request("client certificate: " + tls_error());
  int used = SSL_CTX_use_certificate(context, leaf);
  X509_free(leaf);
  while (X509* more = PEM_read_bio_X509(cert_bio.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add_extra_chain_cert(context, more) != 1) X509_free(more);
  }
  ERR_clear_error();
  BioPtr key_bio = bio_of(key);
  EVP_PKEY* pkey = PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr);
  if (pkey == nullptr) return Status::bad_request("client key: " + tls_error());
  int keyed = SSL_CTX_use_PrivateKey(context, pkey);
  EVP_PKEY_free(pkey);
  if (used != 1 || keyed != 1) return Status::bad_request("client certificate: " + tls_error());
  return {};
}

Status use_ca(SSL_CTX* context, const std::string& pem) {
  BioPtr bio = bio_of(pem);
  int count = 0;
  while (X509* ca = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(context), ca);
    X509_free(ca);
    ++count;
  }
  ERR_clear_error();
  if (count == 0) return Status::bad_request("no CA certificate in the certificate-authority data");
  return {};
}

}  // namespace

std::string tls_error() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown TLS error";
  char text[256];
  ERR_error_string_n(code, text, sizeof(text));
  return text;
}

TlsContext::~TlsContext() { SSL_CTX_free(context_); }

Expected<std::shared_ptr<TlsContext>> TlsContext::server(const ServerTls& options) {
  SSL_CTX* context = new_context(TLS_server_method());
  if (context == nullptr) return Status::internal(tls_error());
  std::shared_ptr<TlsContext> result(new TlsContext(context));
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1) {
    return Status::internal(options.certificate_file + ": " + tls_error());
  }
  if (SSL_CTX_use_PrivateKey_file(context, options.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return Status::internal(options.key_file + ": " + tls_error());
  }
  if (!options.client_ca_file.empty()) {
    if (SSL_CTX_load_verify_locations(context, options.client_ca_file.c_str(), nullptr) != 1) {
      return Status::internal(options.client_ca_file + ": " + tls_error());
    }
    SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options.client_ca_file.c_str()));
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_only);
    SSL_CTX_set_verify_depth(context, 4);
  }
  SSL_CTX_set_alpn_select_cb(context, select_alpn, nullptr);
  // Tickets only: a server-side cache would keep sessions of connections long gone.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_session_id_context(context, kAlpn, sizeof(kAlpn) - 1);
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  return result;
}

Expected<std::shared_ptr<TlsContext>> TlsContext::client(const ClientTls& options) {
  SSL_CTX* context = new_context(TLS_client_method());
  if (context == nullptr) return Status::internal(tls_error());
  std::shared_ptr<TlsContext> result(new TlsContext(context));
  if (!options.certificate_pem.empty()) {
    if (Status status = use_certificate(context, options.certificate_pem, options.key_pem); !status.ok()) {
      return status;
    }
  }
  if (options.ca_pem.empty()) {
    if (!options.insecure) SSL_CTX_set_default_verify_paths(context);
  } else if (Status status = use_ca(context, options.ca_pem); !status.ok()) {
    return status;
  }
  SSL_CTX_set_verify(context, options.insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_alpn_protos(context, kAlpn, sizeof(kAlpn) - 1);
  return result;
}

}  // namespace gantry::io
