// A controller that watches what its configuration says by number, and counts what it reconciles.
#include "gantry/controller.hpp"

namespace {

enum class Watches : int64_t { kConfigMaps, kUnserved, kWrongSelector, kGarbage, kNamelessResource };

class Watcher {
 public:
  static gantry::Expected<std::unique_ptr<Watcher>> create(gantry::sdk::Host host) {
    auto what = host.config_int("watches", 0);
    if (!what) return std::move(what).error();
    return std::make_unique<Watcher>(host, static_cast<Watches>(*what));
  }
  Watcher(gantry::sdk::Host host, Watches what) : host_(host), what_(what) {}
  const void* get_interface(std::string_view) {
    static constexpr gantry_controller table = {sizeof(gantry_controller), &describe, nullptr, &reconcile};
    return &table;
  }

 private:
  static gantry_code describe(void* self, gantry_buffer* spec, gantry_buffer*) {
    const auto what = static_cast<Watcher*>(self)->what_;
    gantry::abi::ControllerSpec made;
    auto& watch = *made.add_watches();
    watch.set_group(what == Watches::kUnserved ? "demo.example.com" : "");
    watch.set_version("v1");
    watch.set_resource(what == Watches::kUnserved ? "widgets" : what == Watches::kNamelessResource ? "" : "configmaps");
    if (what == Watches::kWrongSelector) watch.set_field_selector("no.such.field=1");
    gantry::fill_buffer(spec, what == Watches::kGarbage ? "no spec at all" : made.SerializeAsString());
    return 0;
  }
  static gantry_code reconcile(void* self, gantry_slice, gantry_slice name, gantry_buffer*, gantry_buffer*) {
    static_cast<Watcher*>(self)->host_.info("saw " + std::string(gantry::to_view(name)));
    return 0;
  }

  gantry::sdk::Host host_;
  const Watches what_;
};

}  // namespace

GANTRY_PLUGIN(Watcher, "watcher", "1.0.0", "tests", "Watches this or that", GANTRY_CONTROLLER_ID);
