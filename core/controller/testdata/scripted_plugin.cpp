// A controller for controller_host_test: the names of objects say what it does. What lingers ends when the file "go"
// lies in the plugin's data folder.
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "gantry/abi/timer.h"
#include "gantry/controller.hpp"

namespace {

namespace fs = std::filesystem;
using gantry::Expected;
using gantry::corev1::ConfigMap;
using gantry::corev1::Secret;

class Scripted : public gantry::sdk::Controller {
 public:
  using Controller::Controller;

  gantry::abi::ControllerSpec spec() const override {
    auto spec = watching<ConfigMap>("scripted");
    watch<Secret>(spec, gantry::abi::WatchSpec::CUSTOM);
    spec.set_wait_own_writes(true);
    spec.set_workers(4);
    return spec;
  }

  // A secret means the config map of its name.
  void map(const gantry::abi::ObjectEvent& event, const Emit& emit) override {
    Secret secret;
    secret.ParseFromString(event.object());
    const auto& name = secret.metadata().name();
    if (name == "block") linger();
    if (name == "deadly") {
      host().info("mapping deadly");
      ::raise(SIGKILL);
    }
    emit("ns", name);
  }

  Expected<Result> reconcile(const Key& key) override {
    if (key.name == "parent") return make_child();
    if (key.name == "kill") kill_once();
    if (key.name == "block") linger();
    if (key.name == "block-timer") start_blocked_timer();
    host().info("did " + key.name);
    return Result{};
  }

 private:
  fs::path folder() const { return host().daemon("data_dir"); }
  void linger() const {
    host().info("lingers");
    while (!fs::exists(folder() / "go")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  void kill_once() const {
    if (fs::exists(folder() / "killed")) return;
    std::ofstream(folder() / "killed") << "yes";
    ::raise(SIGKILL);
  }
  Expected<Result> make_child() {
    if (host().cached<ConfigMap>("ns", "child")) {
      host().info("sees its child");
      return Result{};
    }
    ConfigMap child;
    child.mutable_metadata()->set_name("child");
    auto made = host().create("ns", child);
    if (!made) return std::move(made).error();
    return Result{};
  }
  void start_blocked_timer() {
    host()
        .get<gantry_timer>(GANTRY_TIMER_ID)
        ->start(
            host().raw(), 0, [](void* self) { static_cast<Scripted*>(self)->linger(); }, this);
  }
};

}  // namespace

GANTRY_CONTROLLER(Scripted, "scripted", "1.0.0", "tests", "Does what names say");
