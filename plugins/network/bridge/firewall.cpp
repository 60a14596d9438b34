#include "firewall.hpp"

#include <nftables/libnftables.h>

#include <memory>

namespace gantry::bridge {
namespace {

std::string range_text(const Range& range) { return address_text(range.base) + "/" + std::to_string(range.prefix); }

}  // namespace

std::string firewall_rules(const std::string& table, const std::string& bridge, const Range& pods, const Range& cluster,
                           bool masquerade, const std::vector<HostPort>& ports) {
  std::string dnat;
  for (const auto& port : ports) {
    dnat += "    fib daddr type local ";
    if (!port.host_ip.empty() && port.host_ip != "0.0.0.0") dnat += "ip daddr " + port.host_ip + " ";
    dnat += port.protocol + " dport " + std::to_string(port.host_port) + " dnat to " + port.pod_ip + ":" +
            std::to_string(port.pod_port) + "\n";
  }
  std::string rules = "add table ip " + table + "\ndelete table ip " + table + "\ntable ip " + table + " {\n";
  // Host ports on the loopback need route_localnet on the bridge. Before any translation, what a wire or a pod sends to
  // or from 127.0.0.0/8 is dropped, as it is where that is off.
  rules +=
      "  chain guard {\n    type filter hook prerouting priority raw; policy accept;\n"
      "    iifname != \"lo\" ip daddr 127.0.0.0/8 drop\n    iifname != \"lo\" ip saddr 127.0.0.0/8 drop\n  }\n";
  rules += "  chain postrouting {\n    type nat hook postrouting priority srcnat; policy accept;\n";
  if (masquerade) {
    rules += "    ip saddr " + range_text(pods) + " ip daddr != " + range_text(cluster) +
             " ip daddr != 224.0.0.0/4 oifname != \"" + bridge + "\" masquerade\n";
  }
  // What came in through a host port from the pod itself or from this host's loopback must come back to us.
  if (!ports.empty())
    rules +=
        "    ct status dnat oifname \"" + bridge + "\" ip saddr { 127.0.0.0/8, " + range_text(pods) + " } masquerade\n";
  rules += "  }\n";
  if (!ports.empty()) {
    rules += "  chain prerouting {\n    type nat hook prerouting priority dstnat; policy accept;\n" + dnat + "  }\n";
    rules += "  chain output {\n    type nat hook output priority -100; policy accept;\n" + dnat + "  }\n";
  }
  return rules + "}\n";
}

Status apply_firewall(const std::string& rules) {
  const std::unique_ptr<nft_ctx, decltype(&nft_ctx_free)> context(nft_ctx_new(NFT_CTX_DEFAULT), &nft_ctx_free);
  if (context == nullptr) return Status::internal("nftables cannot be used on this host");
  nft_ctx_buffer_error(context.get());
  nft_ctx_buffer_output(context.get());
  if (nft_run_cmd_from_buffer(context.get(), rules.c_str()) != 0) {
    return Status::internal("nftables refused the rules: " + std::string(nft_ctx_get_error_buffer(context.get())));
  }
  return {};
}

}  // namespace gantry::bridge
