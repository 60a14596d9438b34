// Reads subject and validity from OpenSSL's view of the peer.
#include "core/http/server/peer_certificate.hpp"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <ctime>

namespace gantry::http {
namespace {

std::string text_of(const X509_NAME_ENTRY* entry) {
  unsigned char* utf8 = nullptr;
  int length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
  if (length < 0) return {};
  std::string text(reinterpret_cast<char*>(utf8), static_cast<size_t>(length));
  OPENSSL_free(utf8);
  return text;
}

}  // namespace

PeerCertificate peer_certificate(ssl_st* tls) {
  PeerCertificate peer;
  X509* certificate = tls == nullptr ? nullptr : SSL_get0_peer_certificate(tls);
  if (certificate == nullptr) return peer;
  peer.present = true;
  if (long code = SSL_get_verify_result(tls); code != X509_V_OK) {
    peer.problem = X509_verify_cert_error_string(code);
  }
  const X509_NAME* subject = X509_get_subject_name(certificate);
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    int nid = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (nid == NID_commonName) peer.common_name = text_of(entry);
    if (nid == NID_organizationName) peer.organizations.push_back(text_of(entry));
  }
  std::tm when{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when) == 1) peer.not_after = timegm(&when);
  return peer;
}

}  // namespace gantry::http
