// Keys and certificates as OpenSSL makes them, behind plain types. Used by the PKI only; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gantry/status.hpp"

struct evp_pkey_st;
struct x509_st;

namespace gantry::auth {

struct KeyFree {
  void operator()(evp_pkey_st* key) const;
};
struct CertificateFree {
  void operator()(x509_st* certificate) const;
};
using KeyPtr = std::unique_ptr<evp_pkey_st, KeyFree>;
using CertificatePtr = std::unique_ptr<x509_st, CertificateFree>;

enum class Use : uint8_t { kCa, kServer, kClient };

struct CertificateRequest {
  Use use = Use::kClient;
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> names;  // DNS names and addresses, for kServer
  int64_t not_before = 0, not_after = 0;
};

KeyPtr new_key();  // EC P-256
// Self-signed when `issuer` is null.
Expected<CertificatePtr> make_certificate(const CertificateRequest& request, evp_pkey_st* key, x509_st* issuer,
                                          evp_pkey_st* issuer_key);

std::string to_pem(evp_pkey_st* key);
std::string public_to_pem(evp_pkey_st* key);
std::string to_pem(x509_st* certificate);
// Null when the text is none.
KeyPtr key_from_pem(const std::string& pem);
CertificatePtr certificate_from_pem(const std::string& pem);

bool issued_by(x509_st* certificate, x509_st* issuer, evp_pkey_st* issuer_key);
bool has_key(x509_st* certificate, evp_pkey_st* key);
// The use is the one that is asked for; of a client's, also the subject.
bool is_for(x509_st* certificate, const CertificateRequest& request);
bool covers(x509_st* certificate, const std::string& name_or_address);
int64_t expiry(x509_st* certificate);
int64_t valid_from(x509_st* certificate);

}  // namespace gantry::auth
