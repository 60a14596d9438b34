// One plugin in several flavours, each broken in one way, for plugin_host_test.
#include "gantry/controller.hpp"

namespace {

using gantry::Expected;
using gantry::Status;

class Quiet : public gantry::sdk::Controller {
 public:
  using Controller::Controller;
  gantry::abi::ControllerSpec spec() const override {
    return watching<gantry::corev1::ConfigMap>("quiet");
  }
  Expected<Result> reconcile(const Key& key) override {
    host().info("reconcile " + key.name);
    return Result{};
  }
  Status configure() override {
#ifdef FLAVOUR_create_fails
    return Status::invalid("this flavour never starts");
#else
    auto greeting = host().config_string("greeting", "hello");
    if (!greeting) return std::move(greeting).error();
    host().info("greeting " + *greeting);
    return {};
#endif
  }
};

#if defined(FLAVOUR_no_reconcile) || defined(FLAVOUR_small_table)
class Broken {
 public:
  static Expected<std::unique_ptr<Broken>> create(gantry::sdk::Host) { return std::make_unique<Broken>(); }
  const void* get_interface(std::string_view) {
#ifdef FLAVOUR_no_reconcile
    static constexpr gantry_controller table = {
        sizeof(gantry_controller), [](void*, gantry_buffer*, gantry_buffer*) -> gantry_code { return 0; }, nullptr,
        nullptr};
#else
    static constexpr gantry_controller table = {8, nullptr, nullptr, nullptr};
#endif
    return &table;
  }
};
using Chosen = Broken;
#else
using Chosen = gantry::sdk::ControllerPlugin<Quiet>;
#endif

}  // namespace

#if defined(FLAVOUR_good)
GANTRY_PLUGIN(Chosen, "good", "1.2.3", "tests", "Does nothing", GANTRY_CONTROLLER_ID);
#elif defined(FLAVOUR_bad_name)
GANTRY_PLUGIN(Chosen, "Bad Name", "1", "tests", "Has a bad name", GANTRY_CONTROLLER_ID);
#elif defined(FLAVOUR_create_fails)
GANTRY_PLUGIN(Chosen, "create-fails", "1", "tests", "Never starts", GANTRY_CONTROLLER_ID);
#elif defined(FLAVOUR_wrong_major)
namespace {
const char* const kNone[] = {nullptr};
const gantry_plugin_descriptor kDescriptor = {sizeof(gantry_plugin_descriptor), "wrong-major", "1", "tests", "", kNone};
}  // namespace
extern "C" __attribute__((visibility("default"))) const gantry_plugin_api gantry_plugin;
extern "C" const gantry_plugin_api gantry_plugin = {
    sizeof(gantry_plugin_api), GANTRY_ABI_MAJOR + 1, 0, &kDescriptor,
    &gantry::sdk::PluginEntry<Chosen>::create, &gantry::sdk::PluginEntry<Chosen>::destroy,
    &gantry::sdk::PluginEntry<Chosen>::get_interface};
#elif defined(FLAVOUR_small_table)
GANTRY_PLUGIN(Chosen, "small-table", "1", "tests", "Has a truncated table", GANTRY_CONTROLLER_ID);
#else
GANTRY_PLUGIN(Chosen, "no-reconcile", "1", "tests", "Lacks reconcile", GANTRY_CONTROLLER_ID);
#endif
