// X.509 version 3, EC P-256, SHA-256; random 127-bit serial numbers.
#include "core/auth/certificates.hpp"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>

namespace gantry::auth {
namespace {

struct BioFree {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
using BioPtr = std::unique_ptr<BIO, BioFree>;

Status ssl_failure(const char* what) {
  char text[256];
  ERR_error_string_n(ERR_get_error(), text, sizeof(text));
  ERR_clear_error();
  return Status::internal(std::string(what) + ": " + text);
}

std::string drain(BIO* bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

bool is_address(const std::string& name) {
  in6_addr address{};
  return ::inet_pton(AF_INET, name.c_str(), &address) == 1 || ::inet_pton(AF_INET6, name.c_str(), &address) == 1;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return false;
  bool ok = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return ok;
}

std::string alternative_names(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out += ',';
    out += (is_address(name) ? "IP:" : "DNS:") + name;
  }
  return out;
}

bool add_extensions(X509* certificate, X509* issuer, const CertificateRequest& request) {
  bool ca = request.use == Use::kCa;
  bool ok = add_extension(certificate, issuer, NID_basic_constraints, ca ? "critical,CA:TRUE" : "critical,CA:FALSE") &&
            add_extension(certificate, issuer, NID_key_usage,
                          ca ? "critical,digitalSignature,keyCertSign,cRLSign" : "critical,digitalSignature") &&
            add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
  if (!ca) {
    ok = ok && add_extension(certificate, issuer, NID_authority_key_identifier, "keyid") &&
         add_extension(certificate, issuer, NID_ext_key_usage,
                       request.use == Use::kServer ? "serverAuth" : "clientAuth");
  }
  if (!request.names.empty()) {
    ok = ok && add_extension(certificate, issuer, NID_subject_alt_name, alternative_names(request.names));
  }
  return ok;
}

void add_name(X509_NAME* name, const char* field, const std::string& value) {
  X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(value.data()),
                             static_cast<int>(value.size()), -1, 0);
}

void add_subject(X509_NAME* subject, const CertificateRequest& request) {
  for (const auto& organization : request.organizations) add_name(subject, "O", organization);
  add_name(subject, "CN", request.common_name);
}

int64_t seconds_of(const ASN1_TIME* time) {
  std::tm when{};
  return ASN1_TIME_to_tm(time, &when) == 1 ? timegm(&when) : 0;
}

bool set_serial(X509* certificate) {
  std::unique_ptr<BIGNUM, void (*)(BIGNUM*)> number(BN_new(), BN_free);
  return BN_rand(number.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

}  // namespace

void KeyFree::operator()(evp_pkey_st* key) const { EVP_PKEY_free(key); }
void CertificateFree::operator()(x509_st* certificate) const { X509_free(certificate); }

KeyPtr new_key() { return KeyPtr(EVP_EC_gen("P-256")); }

Expected<CertificatePtr> make_certificate(const CertificateRequest& request, evp_pkey_st* key, x509_st* issuer,
                                          evp_pkey_st* issuer_key) {
  CertificatePtr certificate(X509_new());
  if (!certificate || key == nullptr) return ssl_failure("certificate");
  X509* raw = certificate.get();
  X509_set_version(raw, X509_VERSION_3);
  if (!set_serial(raw)) return ssl_failure("serial number");
  ASN1_TIME_set(X509_getm_notBefore(raw), static_cast<time_t>(request.not_before));
  ASN1_TIME_set(X509_getm_notAfter(raw), static_cast<time_t>(request.not_after));
  X509_set_pubkey(raw, key);
  add_subject(X509_get_subject_name(raw), request);
  X509* parent = issuer == nullptr ? raw : issuer;
  X509_set_issuer_name(raw, X509_get_subject_name(parent));
  if (!add_extensions(raw, parent, request)) return ssl_failure("certificate extension");
  if (X509_sign(raw, issuer_key == nullptr ? key : issuer_key, EVP_sha256()) == 0) {
    return ssl_failure("certificate signature");
  }
  return certificate;
}

std::string to_pem(evp_pkey_st* key) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  return drain(bio.get());
}

std::string public_to_pem(evp_pkey_st* key) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PUBKEY(bio.get(), key);
  return drain(bio.get());
}

std::string to_pem(x509_st* certificate) {
  BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  return drain(bio.get());
}

KeyPtr key_from_pem(const std::string& pem) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return key;
}

CertificatePtr certificate_from_pem(const std::string& pem) {
  BioPtr bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  CertificatePtr certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return certificate;
}

bool issued_by(x509_st* certificate, x509_st* issuer, evp_pkey_st* issuer_key) {
  bool ok = X509_check_issued(issuer, certificate) == X509_V_OK && X509_verify(certificate, issuer_key) == 1;
  ERR_clear_error();
  return ok;
}

bool has_key(x509_st* certificate, evp_pkey_st* key) {
  bool ok = X509_check_private_key(certificate, key) == 1;
  ERR_clear_error();
  return ok;
}

bool is_for(x509_st* certificate, const CertificateRequest& request) {
  const uint32_t wanted = request.use == Use::kServer ? XKU_SSL_SERVER : XKU_SSL_CLIENT;
  if ((X509_get_extended_key_usage(certificate) & wanted) == 0) return false;
  if (request.use == Use::kServer) return true;
  const std::unique_ptr<X509_NAME, void (*)(X509_NAME*)> subject(X509_NAME_new(), X509_NAME_free);
  add_subject(subject.get(), request);
  return X509_NAME_cmp(subject.get(), X509_get_subject_name(certificate)) == 0;
}

bool covers(x509_st* certificate, const std::string& name) {
  if (is_address(name)) return X509_check_ip_asc(certificate, name.c_str(), 0) == 1;
  return X509_check_host(certificate, name.c_str(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, nullptr) == 1;
}

int64_t expiry(x509_st* certificate) { return seconds_of(X509_get0_notAfter(certificate)); }
int64_t valid_from(x509_st* certificate) { return seconds_of(X509_get0_notBefore(certificate)); }

}  // namespace gantry::auth
