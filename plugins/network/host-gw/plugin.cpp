// The ABI face of host-gw: gantry.network/1.
#include "gantry/verbs.hpp"
#include "host_gw.hpp"

namespace gantry::host_gw {

const void* HostGw::get_interface(std::string_view id) {
  static constexpr gantry_network kTable = sdk::network_verbs<HostGw>();
  return id == GANTRY_NETWORK_ID ? &kTable : nullptr;
}

}  // namespace gantry::host_gw

GANTRY_PLUGIN(gantry::host_gw::HostGw, "host-gw", "1.0.0", "Gantry", "Pod network on a bridge, routes between nodes",
              GANTRY_NETWORK_ID);
