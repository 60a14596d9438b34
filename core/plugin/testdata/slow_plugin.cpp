// A controller whose reconcile of a key "slow..." lasts until the file "go" lies in the plugin's data folder. For the
// watchdog's tests.
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "gantry/controller.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace slow {

__attribute__((noinline)) void linger_until_told(const std::filesystem::path& file) {
  while (!std::filesystem::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

class Slow : public gantry::sdk::Controller {
 public:
  using Controller::Controller;
  gantry::abi::ControllerSpec spec() const override { return watching<gantry::corev1::ConfigMap>("slow"); }
  gantry::Expected<Result> reconcile(const Key& key) override {
    if (key.name.starts_with("slow")) linger_until_told(std::filesystem::path(host().daemon("data_dir")) / "go");
    host().info("did " + key.name + " in " + std::to_string(::getpid()));
    return Result{};
  }
};

}  // namespace slow

GANTRY_CONTROLLER(slow::Slow, "slow", "1.0.0", "tests", "Takes its time");
