// What must exist, what is still good, and what is made anew.
#include "core/auth/pki.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "core/auth/certificates.hpp"
#include "core/auth/private_file.hpp"
#include "core/files/private_folder.hpp"
#include "core/files/regular.hpp"

namespace gantry::auth {
namespace {

namespace fs = std::filesystem;

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

bool there(const std::string& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

std::string day(int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm when{};
  char text[32] = {};
  std::strftime(text, sizeof text, "%Y-%m-%d", gmtime_r(&time, &when));
  return text;
}

// A new CA would lock out everybody who trusts the old one: that is a person's decision.
Status refuse_ca(const Pki& pki, const std::string& why) {
  return Status::internal(why + "; put the files of the CA back from a backup, or move " +
                          fs::path(pki.ca_certificate).parent_path().string() +
                          " away to get a new CA, which no client knows");
}

Expected<Authority> check_authority(Pki& pki, Authority authority) {
  const auto& path = pki.ca_certificate;
  if (!there(pki.ca_key)) return refuse_ca(pki, path + " exists, but its key " + pki.ca_key + " is missing");
  if (!authority.certificate) return refuse_ca(pki, path + " can't be read as a certificate");
  if (!authority.key) return refuse_ca(pki, pki.ca_key + " can't be read as a key");
  if (!has_key(authority.certificate.get(), authority.key.get())) {
    return refuse_ca(pki, path + " and " + pki.ca_key + " do not belong together");
  }
  const int64_t from = valid_from(authority.certificate.get()), until = expiry(authority.certificate.get());
  if (until <= now()) {
    return refuse_ca(pki, path + " expired on " + day(until) + " (today is " + day(now()) +
                              " by this host's clock), and with it all that it signed");
  }
  if (from > now()) {
    pki.notes.push_back(path + " is not valid before " + day(from) + ", and this host's clock says " + day(now()) +
                        ": set the clock, or clients will refuse this server");
  }
  return authority;
}

Expected<Authority> ensure_authority(Pki& pki) {
  Authority authority{key_from_pem(read_file(pki.ca_key)), certificate_from_pem(read_file(pki.ca_certificate))};
  if (there(pki.ca_certificate)) return check_authority(pki, std::move(authority));
  // The CA's certificate is written before anything that it signs.
  for (const auto& path : {pki.server_certificate, pki.admin_certificate, pki.service_account_key}) {
    if (there(path)) return refuse_ca(pki, pki.ca_certificate + " is missing, but " + path + " is there");
  }
  if (there(pki.ca_key) && !authority.key) return refuse_ca(pki, pki.ca_key + " can't be read as a key");
  // A key alone is left of a first start that did not get further.
  if (!authority.key) authority.key = new_key();
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
  if (!is_for(certificate.get(), request)) return false;
  return std::all_of(request.names.begin(), request.names.end(),
                     [&](const auto& name) { return covers(certificate.get(), name); });
}

// Why a certificate that is there can't be one of ours; empty: it can.
std::string foreign(const Authority& authority, const CertificateRequest& request, const std::string& certificate_path,
                    const std::string& key_path) {
  if (!there(certificate_path)) return {};
  CertificatePtr certificate = certificate_from_pem(read_file(certificate_path));
  if (!certificate) return "can't be read as a certificate";
  if (!issued_by(certificate.get(), authority.certificate.get(), authority.key.get())) {
    return "is not signed by the CA beside it";
  }
  if (!is_for(certificate.get(), request)) {
    return request.use == Use::kServer ? "is not a server's" : "is not that of the client " + request.common_name;
  }
  KeyPtr key = key_from_pem(read_file(key_path));
  return key && has_key(certificate.get(), key.get()) ? "" : "does not belong to " + key_path;
}

Status put_aside(const std::string& path) {
  if (!there(path)) return {};
  std::string name = path + ".old";
  for (int i = 2; there(name); ++i) name = path + ".old-" + std::to_string(i);
  std::error_code error;
  fs::rename(path, name, error);
  return error ? Status::internal(path + ": cannot be renamed to " + name + ": " + error.message()) : Status();
}

// `notes`: null for certificates that nobody else could have made.
Status ensure_leaf(const Authority& authority, CertificateRequest request, const std::string& certificate_path,
                   const std::string& key_path, std::vector<std::string>* notes = nullptr) {
  if (still_good(authority, request, certificate_path, key_path)) return {};
  if (const auto why = foreign(authority, request, certificate_path, key_path); !why.empty() && notes != nullptr) {
    for (const auto& path : {certificate_path, key_path}) {
      if (Status status = put_aside(path); !status.ok()) return status;
    }
    notes->push_back(certificate_path + " " + why + "; a new one is made, and it is kept as " + certificate_path +
                     ".old");
  }
  request.not_before = now() - kClockSkew;
  request.not_after = std::min(now() + kLeafValidity, expiry(authority.certificate.get()));
  return issue(authority, request, certificate_path, key_path);
}

Status ensure_service_account_key(Pki& pki) {
  const auto& path = pki.service_account_key;
  const auto& public_path = pki.service_account_public_key;
  KeyPtr key = key_from_pem(read_file(path));
  if (!key && (there(path) || there(public_path))) {
    return Status::internal(
        path + (there(path) ? " can't be read as a key" : " is missing, but " + public_path + " is there") +
        "; put it back from a backup, or move both away: tokens that it signed are void then");
  }
  if (!key) {
    key = new_key();
    if (Status status = write_file(path, to_pem(key.get()), 0600); !status.ok()) return status;
  }
  std::string wanted = public_to_pem(key.get());
  if (read_file(public_path) == wanted) return {};
  if (there(public_path)) pki.notes.push_back(public_path + " did not belong to " + path + "; it is written anew");
  return write_file(public_path, wanted, 0644);
}

// Keys that came here by other ways (a backup) may be readable by others.
Status make_private(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || (info.st_mode & 077) == 0 || ::chmod(path.c_str(), 0600) == 0) return {};
  return Status::internal(path + ": can't be kept from others: " + std::strerror(errno));
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
  if (Status status = files::ensure_private_folder(directory); !status.ok()) return status;
  ::chmod(directory.c_str(), 0700);
  auto in = [&](const char* name) { return directory + "/" + name; };
  Pki pki{in("ca.crt"),     in("ca.key"),    in("server.crt"),
          in("server.key"), in("admin.crt"), in("admin.key"),
          in("sa.key"),     in("sa.pub"),    {}};
  for (const auto& file :
       {pki.ca_certificate, pki.ca_key, pki.server_certificate, pki.server_key, pki.admin_certificate, pki.admin_key,
        pki.service_account_key, pki.service_account_public_key}) {
    if (Status status = files::regular_if_there(file); !status.ok()) return status;
  }
  for (const auto& key : {pki.ca_key, pki.server_key, pki.admin_key, pki.service_account_key}) {
    if (Status status = make_private(key); !status.ok()) return status;
  }
  auto authority = ensure_authority(pki);
  if (!authority) return authority.error();
  CertificateRequest server;
  server.use = Use::kServer;
  server.common_name = "kube-apiserver";
  server.names = server_names(options);
  Status status = ensure_leaf(*authority, server, pki.server_certificate, pki.server_key, &pki.notes);
  if (status.ok()) {
    status = ensure_leaf(*authority, client_request({"kubernetes-admin", {"system:masters"}}), pki.admin_certificate,
                         pki.admin_key, &pki.notes);
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
