// What must exist, what is still good, and what is made anew.
#include "core/auth/pki.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

#include "core/auth/certificates.hpp"
#include "core/auth/private_file.hpp"

namespace gantry::auth {
namespace {

constexpr int64_t kDay = 24 * 3600;
constexpr int64_t kLeafValidity = 365 * kDay;
constexpr int64_t kCaValidity = 3650 * kDay;
constexpr int64_t kRenewBefore = 30 * kDay;
constexpr int64_t kClockSkew = 3600;

int64_t now() { return static_cast<int64_t>(std::time(nullptr)); }

struct Authority {
  KeyPtr key;
  CertificatePtr certificate;
};

// The key goes first: a certificate on disk then always has its key.
Status store_pair(const std::string& certificate_path, const std::string& key_path, x509_st* certificate,
                  evp_pkey_st* key) {
  if (Status status = write_file(key_path, to_pem(key), 0600); !status.ok()) return status;
  return write_file(certificate_path, to_pem(certificate), 0644);
}

Expected<Authority> ensure_authority(const Pki& pki) {
  Authority authority{key_from_pem(read_file(pki.ca_key)), certificate_from_pem(read_file(pki.ca_certificate))};
  if (authority.key && authority.certificate) {
    if (!has_key(authority.certificate.get(), authority.key.get())) {
      return Status::internal(pki.ca_certificate + " and " + pki.ca_key + " do not belong together");
    }
    if (expiry(authority.certificate.get()) > now()) return authority;
  } else if (authority.certificate) {
    // A new CA would lock out everybody who trusts the old one: that is a person's decision.
    return Status::internal(pki.ca_certificate + " exists, but its key " + pki.ca_key + " is missing or unreadable");
  }
  authority.key = new_key();
  CertificateRequest request;
  request.use = Use::kCa;
  request.common_name = "gantry-ca@" + std::to_string(now());
  request.not_before = now() - kClockSkew;
  request.not_after = now() + kCaValidity;
  auto made = make_certificate(request, authority.key.get(), nullptr, nullptr);
  if (!made) return made.error();
  authority.certificate = std::move(*made);
  if (Status status = store_pair(pki.ca_certificate, pki.ca_key, authority.certificate.get(), authority.key.get());
      !status.ok()) {
    return status;
  }
  return authority;
}

Status issue(const Authority& authority, const CertificateRequest& request, const std::string& certificate_path,
             const std::string& key_path) {
  KeyPtr key = new_key();
  auto made = make_certificate(request, key.get(), authority.certificate.get(), authority.key.get());
  if (!made) return made.error();
  return store_pair(certificate_path, key_path, made->get(), key.get());
}

bool still_good(const Authority& authority, const CertificateRequest& request, const std::string& certificate_path,
                const std::string& key_path) {
  CertificatePtr certificate = certificate_from_pem(read_file(certificate_path));
  KeyPtr key = key_from_pem(read_file(key_path));
  if (!certificate || !key || !has_key(certificate.get(), key.get())) return false;
  if (expiry(certificate.get()) < now() + kRenewBefore) return false;
  if (!issued_by(certificate.get(), authority.certificate.get(), authority.key.get())) return false;
  return std::all_of(request.names.begin(), request.names.end(),
                     [&](const auto& name) { return covers(certificate.get(), name); });
}

Status ensure_leaf(const Authority& authority, CertificateRequest request, const std::string& certificate_path,
                   const std::string& key_path) {
  if (still_good(authority, request, certificate_path, key_path)) return {};
  request.not_before = now() - kClockSkew;
  request.not_after = std::min(now() + kLeafValidity, expiry(authority.certificate.get()));
  return issue(authority, request, certificate_path, key_path);
}

Status ensure_service_account_key(const Pki& pki) {
  KeyPtr key = key_from_pem(read_file(pki.service_account_key));
  if (!key) {
    key = new_key();
    if (Status status = write_file(pki.service_account_key, to_pem(key.get()), 0600); !status.ok()) {
      return status;
    }
  }
  std::string wanted = public_to_pem(key.get());
  if (read_file(pki.service_account_public_key) == wanted) return {};
  return write_file(pki.service_account_public_key, wanted, 0644);
}

std::vector<std::string> server_names(const PkiOptions& options) {
  std::vector<std::string> names = {"kubernetes",
                                    "kubernetes.default",
                                    "kubernetes.default.svc",
                                    "kubernetes.default.svc." + options.cluster_domain,
                                    "localhost",
                                    "127.0.0.1",
                                    "::1",
                                    options.service_ip};
  for (const auto& name : options.names) {
    if (!name.empty() && std::find(names.begin(), names.end(), name) == names.end()) {
      names.push_back(name);
    }
  }
  return names;
}

CertificateRequest client_request(const ClientSubject& subject) {
  CertificateRequest request;
  request.use = Use::kClient;
  request.common_name = subject.common_name;
  request.organizations = subject.organizations;
  return request;
}

Expected<Authority> load_authority(const Pki& pki) {
  Authority authority{key_from_pem(read_file(pki.ca_key)), certificate_from_pem(read_file(pki.ca_certificate))};
  if (!authority.key || !authority.certificate) {
    return Status::internal(pki.ca_certificate + ": no CA here");
  }
  return authority;
}

}  // namespace

Expected<Pki> ensure_pki(const std::string& directory, const PkiOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return Status::internal(directory + ": " + error.message());
  ::chmod(directory.c_str(), 0700);
  auto in = [&](const char* name) { return directory + "/" + name; };
  Pki pki{in("ca.crt"),    in("ca.key"),    in("server.crt"), in("server.key"),
          in("admin.crt"), in("admin.key"), in("sa.key"),     in("sa.pub")};
  auto authority = ensure_authority(pki);
  if (!authority) return authority.error();
  CertificateRequest server;
  server.use = Use::kServer;
  server.common_name = "kube-apiserver";
  server.names = server_names(options);
  Status status = ensure_leaf(*authority, server, pki.server_certificate, pki.server_key);
  if (status.ok()) {
    status = ensure_leaf(*authority, client_request({"kubernetes-admin", {"system:masters"}}), pki.admin_certificate,
                         pki.admin_key);
  }
  if (status.ok()) status = ensure_service_account_key(pki);
  if (!status.ok()) return status;
  return pki;
}

Status ensure_client_certificate(const Pki& pki, const ClientSubject& subject, const std::string& certificate,
                                 const std::string& key) {
  auto authority = load_authority(pki);
  if (!authority) return authority.error();
  return ensure_leaf(*authority, client_request(subject), certificate, key);
}

Status issue_client_certificate(const Pki& pki, const ClientSubject& subject, int64_t valid_from, int64_t valid_until,
                                const std::string& certificate, const std::string& key) {
  auto authority = load_authority(pki);
  if (!authority) return authority.error();
  CertificateRequest request = client_request(subject);
  request.not_before = valid_from;
  request.not_after = valid_until;
  return issue(*authority, request, certificate, key);
}

}  // namespace gantry::auth
