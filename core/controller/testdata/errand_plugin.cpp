// A network plugin, so no controller: set_node makes a config map of the node's name through the API, reads it back and
// records an Event about it. For the tests of what every plugin gets from its host.
#include "gantry/abi.pb.h"
#include "gantry/verbs.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace {

using gantry::Expected;
using gantry::Status;
using gantry::corev1::ConfigMap;

class Errand {
 public:
  explicit Errand(gantry::sdk::Host host) : host_(host) {}
  static Expected<std::unique_ptr<Errand>> create(gantry::sdk::Host host) { return std::make_unique<Errand>(host); }
  const void* get_interface(std::string_view id) {
    static const gantry_network table = gantry::sdk::network_verbs<Errand>();
    return id == GANTRY_NETWORK_ID ? &table : nullptr;
  }

  Expected<gantry::abi::NetworkResult> set_node(const gantry::abi::NetworkNode& node) {
    if (node.name() == "cached") return host_.cached_list<ConfigMap>("").error();
    ConfigMap map;
    map.mutable_metadata()->set_name(node.name());
    if (auto made = host_.create("ns", map); !made) return std::move(made).error();
    auto found = host_.get_object<ConfigMap>("ns", node.name());
    if (!found) return std::move(found).error();
    host_.event(*found, "v1", "ConfigMap", "Normal", "Fetched", "found " + found->metadata().uid());
    gantry::abi::NetworkResult result;
    result.set_mac(found->metadata().uid());
    return result;
  }
  Status set_nodes(const gantry::abi::NetworkNodes&) { return {}; }
  Status add(const gantry::abi::NetworkAttachment&) { return {}; }
  Status del(const gantry::abi::NetworkAttachment&) { return {}; }
  Status check(const gantry::abi::NetworkAttachment&) { return {}; }
  Status gc(const gantry::abi::NetworkLive&) { return {}; }

 private:
  gantry::sdk::Host host_;
};

}  // namespace

GANTRY_PLUGIN(Errand, "errand", "1.0.0", "tests", "Asks the API", GANTRY_NETWORK_ID);
