// A controller that ends or holds up whatever process it is in: by the key it reconciles, or by its configuration. What
// is held up goes on when the file "go" lies in the plugin's data folder.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "gantry/controller.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace fragile {

namespace fs = std::filesystem;

__attribute__((noinline)) void hold_up_until_told(const fs::path& file) {
  while (!fs::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
}

// Uses up the stack, whatever the compiler thinks of it.
__attribute__((noinline)) int deeper(int depth) {
  volatile char frame[512];
  frame[0] = static_cast<char>(depth);
  return depth < 0 ? frame[0] : deeper(depth + 1) + frame[0];
}

// As an optimized build does it, also where a sanitizer would end the process in its own way before.
[[gnu::no_sanitize("undefined"), gnu::noinline]] void write_nowhere() {
  volatile int* volatile nowhere = nullptr;
  *nowhere = 1;
}

class Fragile : public gantry::sdk::Controller {
 public:
  using Controller::Controller;
  ~Fragile() override {
    if (at_end_ == "hang") hold_up_until_told(go_);
  }
  gantry::abi::ControllerSpec spec() const override { return watching<gantry::corev1::ConfigMap>("fragile"); }
  gantry::Expected<Result> reconcile(const Key& key) override {
    if (key.name == "segv") ::raise(SIGSEGV);
    if (key.name == "null") write_nowhere();
    // By the object, so that it is over when that is gone.
    if (key.name == "poison" && host().cached<gantry::corev1::ConfigMap>(key.ns, key.name)) ::raise(SIGSEGV);
    if (key.name == "abort") std::abort();
    if (key.name == "exit") std::exit(7);
    if (key.name == "deep") return Result{deeper(0)};
    if (key.name == "thread") std::thread([] { std::abort(); }).join();
    if (key.name == "throw-in-thread") std::thread([] { throw std::logic_error("nobody catches it"); }).join();
    host().info("did " + key.name);
    return Result{};
  }
  gantry::Status configure() override {
    go_ = fs::path(host().daemon("data_dir")) / "go";
    at_end_ = host().config_string("at_end", "").value();
    const auto at_begin = host().config_string("at_begin", "").value();
    if (at_begin == "hang") hold_up_until_told(go_);
    if (at_begin == "crash") std::abort();
    if (at_begin == "exit") std::exit(9);
    return {};
  }

 private:
  fs::path go_;
  std::string at_end_;
};

}  // namespace fragile

GANTRY_CONTROLLER(fragile::Fragile, "fragile", "1.0.0", "tests", "Ends its process");
