// The ABI face of bridge: gantry.network/1.
#include "bridge.hpp"
#include "gantry/verbs.hpp"

namespace gantry::bridge {

const void* Bridge::get_interface(std::string_view id) {
  static constexpr gantry_network kTable = sdk::network_verbs<Bridge>();
  return id == GANTRY_NETWORK_ID ? &kTable : nullptr;
}

}  // namespace gantry::bridge

GANTRY_PLUGIN(gantry::bridge::Bridge, "bridge", "1.0.0", "Gantry", "Attaches a node's pods to a bridge",
              GANTRY_NETWORK_ID);
