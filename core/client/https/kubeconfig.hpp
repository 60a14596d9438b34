// Kubeconfig files: reading the current context for clients, writing the admin's.
//
// Used by gantryctl, gantry-bench and agents to connect, by the daemon to write. Blocks on the disk.
#pragma once

#include <string>

#include "gantry/status.hpp"

namespace gantry::client {

// What a client needs to know; certificates and keys as PEM text.
struct ServerConfig {
  std::string server;  // "https://host:port" or "unix:/path"
  std::string ca_pem;
  std::string certificate_pem, key_pem;
  std::string token;
  std::string ns;  // of the context; empty: default
  bool insecure = false;
};

// The context named, or the current one. Inline data and files (relative to the kubeconfig) both.
Expected<ServerConfig> read_kubeconfig(const std::string& path, const std::string& context = {});

// One cluster and user of that name, everything embedded, and a context that leads there; mode 0600, whole or not at
// all. What else the file has stays: other entries, what was added to these, which context is chosen. Nothing is
// written when it says all that already. A file that can't be read, that is no kubeconfig or larger than 1 MiB is
// renamed to PATH.old, and `kept` (may be null) says so.
Status write_kubeconfig(const std::string& path, const ServerConfig& config, const std::string& name = "gantry",
                        std::string* kept = nullptr);

}  // namespace gantry::client
