// Which host ports lead to which pod, kept in a file: they must answer again after a restart, while the pods go on.
//
// Not thread-safe; the plugin's lock.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "firewall.hpp"
#include "gantry/abi.pb.h"
#include "gantry/status.hpp"

namespace gantry::bridge {

class HostPorts {
 public:
  // Those of a pod with this address; what the table can't serve (a host IP that is no IPv4 address) is in `left_out`.
  static std::vector<HostPort> of(const abi::NetworkAttachment& attachment, const std::string& address,
                                  std::vector<std::string>& left_out);

  // Reads what is in the folder, also what a version before this one left there.
  Status load(const std::string& dir);
  Status save() const;

  void set(const std::string& sandbox, std::vector<HostPort> ports) { by_sandbox_[sandbox] = std::move(ports); }
  bool erase(const std::string& sandbox) { return by_sandbox_.erase(sandbox) > 0; }
  // Forgets all other sandboxes; true when there were any.
  template <typename Live>
  bool keep_only(const Live& live) {
    return std::erase_if(by_sandbox_, [&](const auto& entry) { return !live.contains(entry.first); }) > 0;
  }
  std::vector<HostPort> all() const;

 private:
  Status load_attachments(const std::string& path);

  std::string dir_;
  std::map<std::string, std::vector<HostPort>> by_sandbox_;
};

}  // namespace gantry::bridge
