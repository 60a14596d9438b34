// The cluster's own certificates: CA, server, admin, and the service account key pair.
//
// The daemon calls ensure_pki once at start, before anything listens. Files are written whole or not at
// all, keys readable by their owner alone. What others rely on (the CA, the service account key) is never replaced:
// parts that are missing, damaged or don't fit are refused. Blocks on the disk; no state.
#pragma once

#include <string>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::auth {

struct PkiOptions {
  // Host names and addresses that the server is reached by. localhost, 127.0.0.1, ::1, the service
  // address and the names of the service "kubernetes" are always there.
  std::vector<std::string> names;
  std::string service_ip = "10.43.0.1";
  std::string cluster_domain = "cluster.local";
};

struct Pki {
  std::string ca_certificate, ca_key;
  std::string server_certificate, server_key;
  std::string admin_certificate, admin_key;  // kubernetes-admin of system:masters
  std::string service_account_key, service_account_public_key;
  std::vector<std::string> notes;  // what was found amiss and how it was mended, for the log
};

// Makes what is missing in `directory`, renews what expires within 30 days or lacks a name, and returns
// the paths. A CA that exists is kept, and everything it signed with it; a server or admin certificate that it did not
// sign is put aside.
Expected<Pki> ensure_pki(const std::string& directory, const PkiOptions& options);

// Further client certificates (a node, a component), signed by the CA of `pki`.
struct ClientSubject {
  std::string common_name;
  std::vector<std::string> organizations;
};
Status ensure_client_certificate(const Pki& pki, const ClientSubject& subject, const std::string& certificate,
                                 const std::string& key);

// For tests and renewal by hand: a validity other than a year.
Status issue_client_certificate(const Pki& pki, const ClientSubject& subject, int64_t valid_from, int64_t valid_until,
                                const std::string& certificate, const std::string& key);

}  // namespace gantry::auth
