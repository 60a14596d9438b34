// The Client interface over HTTPS or a unix socket, for agents on other nodes, gantryctl and gantry-bench.
#pragma once

#include <memory>

#include "core/client/client.hpp"
#include "core/client/https/remote.hpp"

namespace gantry::client {

Expected<std::unique_ptr<Client>> make_https_client(const ServerConfig& config, const RemoteOptions& options = {});
// On a Remote that serves for other things too.
std::unique_ptr<Client> make_https_client(std::shared_ptr<Remote> remote);

}  // namespace gantry::client
