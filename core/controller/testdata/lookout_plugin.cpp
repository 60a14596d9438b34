// A network plugin, so no controller, that watches config maps, and has secrets cached. It tells the
// log of each change, and what the caches show; what a config map holds under "do" says what it does.
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "gantry/verbs.hpp"
#include "gantry/watches.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace {

namespace fs = std::filesystem;
using gantry::Expected;
using gantry::Status;
using gantry::abi::ObjectEvent;
using gantry::corev1::ConfigMap;
using gantry::corev1::Secret;

class Lookout {
 public:
  explicit Lookout(gantry::sdk::Host host) : host_(host) {}
  static Expected<std::unique_ptr<Lookout>> create(gantry::sdk::Host host) { return std::make_unique<Lookout>(host); }
  const void* get_interface(std::string_view id) {
    static const gantry_network network = gantry::sdk::network_verbs<Lookout>();
    static constexpr gantry_watches watches = gantry::sdk::watches_table<Lookout>();
    if (id == GANTRY_WATCHES_ID) return &watches;
    return id == GANTRY_NETWORK_ID ? &network : nullptr;
  }

  gantry::abi::WatchList watches() const {
    using gantry::abi::WatchSpec;
    gantry::abi::WatchList list;
    const auto what = host_.config_int("watches", 0);
    if (what && *what == 1) gantry::sdk::watch<ConfigMap>(list, WatchSpec::NAMESPACE);
    if (what && *what == 2) gantry::sdk::watch<ConfigMap>(list).set_resource("");
    gantry::sdk::watch<ConfigMap>(list);
    gantry::sdk::watch<Secret>(list, WatchSpec::NONE);
    return list;
  }
  Status begin() {
    host_.info("begins");
    return {};
  }
  Status changed(const ObjectEvent& event) {
    ConfigMap map;
    if (!map.ParseFromString(event.object())) return Status::bad_request("no config map");
    const auto& name = map.metadata().name();
    const auto found = map.data().find("do");
    const std::string order = found == map.data().end() ? "" : found->second;
    host_.info(ObjectEvent::Type_Name(event.type()) + " " + name + (order.empty() ? "" : " to " + order));
    if (order == "fail") return Status::invalid("will not");
    if (order == "linger") linger();
    if (order == "die") ::raise(SIGKILL);
    if (order == "look") look(name);
    return {};
  }

  Expected<gantry::abi::NetworkResult> set_node(const gantry::abi::NetworkNode&) {
    host_.enqueue("ns", "nobody");
    const auto maps = host_.cached_list<ConfigMap>("");
    if (!maps) return Status(maps.error());
    gantry::abi::NetworkResult result;
    result.set_mac(std::to_string(maps->size()));
    return result;
  }
  Status set_nodes(const gantry::abi::NetworkNodes&) { return {}; }
  Status add(const gantry::abi::NetworkAttachment&) { return {}; }
  Status del(const gantry::abi::NetworkAttachment&) { return {}; }
  Status check(const gantry::abi::NetworkAttachment&) { return {}; }
  Status gc(const gantry::abi::NetworkLive&) { return {}; }

 private:
  void look(const std::string& name) const {
    const auto own = host_.cached<ConfigMap>("ns", name);
    const auto secrets = host_.cached_list<Secret>("ns");
    const auto orphans = host_.cached_by_index<ConfigMap>("metadata.controller", "");
    host_.info("sees " + std::string(own ? own->metadata().uid() : "nothing") + ", " +
               (secrets ? std::to_string(secrets->size()) : secrets.error().message()) + " secrets, " +
               (orphans ? std::to_string(orphans->size()) : orphans.error().message()) + " orphans");
  }
  void linger() const {
    const fs::path folder = host_.daemon("data_dir");
    while (!fs::exists(folder / "go")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    host_.info("lingered");
  }

  gantry::sdk::Host host_;
};

}  // namespace

GANTRY_PLUGIN(Lookout, "lookout", "1.0.0", "tests", "Looks out for config maps", GANTRY_NETWORK_ID, GANTRY_WATCHES_ID);
