// A controller for controller_host_test: the names of objects say what it does. What lingers ends when the file "go"
// lies in the plugin's data folder.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "gantry/abi/timer.h"
#include "gantry/controller.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

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
    if (key.name == "flood-timers") flood_timers();
    if (key.name == "flood-keys") flood_keys();
    if (key.name == "flood-calls") flood_calls();
    if (key.name == "flood-log") flood_log();
    if (key.name == "large-event") {
      host().event(ConfigMap(), "v1", "ConfigMap", "Normal", std::string(129, 'x'), "never recorded");
    }
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
  void flood_timers() const {
    const auto* timer = host().get<gantry_timer>(GANTRY_TIMER_ID);
    size_t count = 0;
    while (timer->start(
               host().raw(), 3'600'000, [](void*) {}, nullptr) != 0) {
      ++count;
    }
    host().info(std::to_string(count) + " timers");
  }
  void flood_keys() const {
    for (int i = 0; i < 101'000; ++i) host().enqueue_after("made-up", std::to_string(i), 3'600'000);
  }
  // Nobody answers these, so what is answered was refused.
  void flood_calls() const {
    const auto* client = host().get<gantry_client>(GANTRY_CLIENT_ID);
    auto request = host().request_for<ConfigMap>(gantry::sdk::ApiRequest::GET, "ns", "x");
    request.set_body(std::string(1 << 20, 'x'));
    const auto bytes = request.SerializeAsString();
    std::atomic<int> refused = 0;
    for (int i = 0; i < 100; ++i) {
      client->call_async(
          host().raw(), gantry::to_slice(bytes),
          [](void* count, gantry_code code, gantry_slice, gantry_slice) {
            if (code == 429) ++*static_cast<std::atomic<int>*>(count);
          },
          &refused);
    }
    host().info(std::to_string(refused) + " calls were refused");
    while (!fs::exists(folder() / "go")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  void flood_log() const {
    for (int i = 0; i < 1'000; ++i) host().info(std::string(16 * 1024, 'x'));
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
