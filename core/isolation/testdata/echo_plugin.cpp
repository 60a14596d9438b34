// A plugin of the family gantry.echo/1, for new_family_test; built when the family had no dance yet.
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>

#include "core/isolation/testdata/abi/draft/echo.h"
#include "gantry/plugin.hpp"

namespace {

using gantry::Expected;
using gantry::fill_buffer;
using gantry::Status;
using gantry::to_view;

class Echo {
 public:
  explicit Echo(gantry::sdk::Host host) : host_(host) {}
  static Expected<std::unique_ptr<Echo>> create(gantry::sdk::Host host) { return std::make_unique<Echo>(host); }

  const void* get_interface(std::string_view id) {
    static const gantry_echo table = {
        offsetof(gantry_echo, dance), &introduce, &say, &die, &linger, &linger, &add, &forget, nullptr, nullptr};
    return id == GANTRY_ECHO_ID ? &table : nullptr;
  }

 private:
  static Echo& self(void* instance) { return *static_cast<Echo*>(instance); }

  static gantry_code introduce(void*, gantry_slice, gantry_buffer* response, gantry_buffer*) {
    fill_buffer(response, "echo");
    return 0;
  }
  static gantry_code say(void*, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
    if (to_view(request) == "fail") return gantry::fail(Status::conflict("told to fail"), error);
    fill_buffer(response, std::string(to_view(request)) + " " + std::to_string(::getpid()));
    return 0;
  }
  static gantry_code die(void*, gantry_slice, gantry_buffer*, gantry_buffer*) { ::_exit(9); }
  static gantry_code linger(void* instance, gantry_slice, gantry_buffer*, gantry_buffer*) {
    const auto go = std::filesystem::path(self(instance).host_.daemon("data_dir")) / "go";
    self(instance).host_.info("lingers");
    while (!std::filesystem::exists(go)) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    return 0;
  }
  static gantry_code add(void* instance, uint64_t number, gantry_slice text, uint64_t* sum, gantry_buffer* error) {
    if (number == 0) return gantry::fail(Status::invalid("nothing to add"), error);
    *sum = self(instance).sum_ += number + text.size;
    return 0;
  }
  static void forget(void* instance, uint64_t down_to) { self(instance).sum_ = down_to; }

  gantry::sdk::Host host_;
  uint64_t sum_ = 0;
};

}  // namespace

GANTRY_PLUGIN(Echo, "echo", "1.0.0", "tests", "Says what it is told", GANTRY_ECHO_ID);
