// A plugin that holds no C++ is loaded, described, called and unloaded by the real host.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "core/plugin/plugin_host.hpp"
#include "gantry/abi.pb.h"
#include "gantry/abi/controller.h"
#include "gantry/bytes.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

TEST(Abi, APluginInCWorks) {
  const fs::path dir = fs::temp_directory_path() / ("gantry-abi-test-" + std::to_string(::getpid()));
  SystemClock clock;
  Timers timers(clock);
  WorkerPool pool("tasks", 1);
  std::string log;
  {
    PluginHostOptions options;
    options.clock = &clock;
    options.timers = &timers;
    options.tasks = &pool;
    options.log = [&](std::string_view who, int32_t, std::string_view text) {
      log += std::string(who) + ": " + std::string(text) + "\n";
    };
    options.run_dir = dir / "run";
    options.data_dir = dir / "data";
    PluginHost host(std::move(options));
    PluginSettings settings;
    settings.name = "c-plugin";
    settings.path = C_PLUGIN;
    auto plugin = host.load(settings);
    ASSERT_TRUE(plugin) << plugin.error().message();
    EXPECT_NE(log.find("c-plugin: hello from C"), std::string::npos) << log;
    const auto call = (*plugin)->enter();
    const auto* controller = call.table<gantry_controller>(GANTRY_CONTROLLER_ID);
    ASSERT_NE(controller, nullptr);
    Buffer spec, error;
    ASSERT_EQ(controller->describe(call.instance(), spec.out(), error.out()), 0);
    gantry::abi::ControllerSpec parsed;
    ASSERT_TRUE(parsed.ParseFromArray(spec.view().data(), static_cast<int>(spec.view().size())));
    EXPECT_EQ(parsed.name(), "c-plugin");
    Buffer result;
    EXPECT_EQ(controller->reconcile(call.instance(), to_slice("default"), to_slice("x"), result.out(), error.out()), 0);
  }
  fs::remove_all(dir);
}

}  // namespace
}  // namespace gantry::plugin
