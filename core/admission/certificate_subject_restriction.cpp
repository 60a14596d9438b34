// CertificateSubjectRestriction: nobody asks the signer of the API server's clients for a certificate of those who may
// do everything.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <vector>

#include "core/admission/chain.hpp"
#include "core/schema/values/json_access.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::admission {
namespace {

constexpr std::string_view kSigner = "kubernetes.io/kube-apiserver-client", kMasters = "system:masters";

template <auto free_it>
struct FreedBy {
  template <typename Thing>
  void operator()(Thing* thing) const {
    free_it(thing);
  }
};
using MemoryBio = std::unique_ptr<BIO, FreedBy<BIO_free>>;
using CertificateRequest = std::unique_ptr<X509_REQ, FreedBy<X509_REQ_free>>;

std::string text_of(const ASN1_STRING* string) {
  unsigned char* bytes = nullptr;
  const int size = ASN1_STRING_to_UTF8(&bytes, string);
  std::string out = size < 0 ? std::string() : std::string(reinterpret_cast<char*>(bytes), static_cast<size_t>(size));
  OPENSSL_free(bytes);
  return out;
}

// The groups that the certificate would give: its subject's organizations. Nothing: this is no request.
std::optional<std::vector<std::string>> groups_of(const std::string& pem) {
  const MemoryBio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const CertificateRequest request(bio ? PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  ERR_clear_error();
  if (!request) return std::nullopt;
  std::vector<std::string> out;
  const X509_NAME* subject = X509_REQ_get_subject_name(request.get());
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_organizationName, at)) >= 0;) {
    out.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  }
  return out;
}

class CertificateSubjectRestriction final : public Step {
 public:
  std::string_view name() const override { return "CertificateSubjectRestriction"; }
  bool handles(const WriteRequest& request) const override {
    return request.creates("certificates.k8s.io", "certificatesigningrequests");
  }
  Answer validate(const WriteRequest& request, Pause&) const override {
    const auto* document = request.object->if_object();
    if (document == nullptr) return kPass;
    const auto& spec = schema::object_at(*document, "spec");
    if (schema::get_text(spec, "signerName") != kSigner) return kPass;
    std::string pem;
    const bool decoded = schema::base64_decode(schema::get_text(spec, "request"), pem);
    const auto groups = decoded ? groups_of(pem) : std::nullopt;
    if (!groups) return refused(request, "failed to parse CSR: PEM block type must be CERTIFICATE REQUEST");
    for (const auto& group : *groups) {
      if (group != kMasters) continue;
      return refused(request, "use of " + std::string(kSigner) + " signer with " + std::string(kMasters) +
                                  " group is not allowed");
    }
    return kPass;
  }
};

}  // namespace

StepPtr certificate_subject_restriction() { return std::make_shared<CertificateSubjectRestriction>(); }

}  // namespace gantry::admission
