// docs/guides/adding.md: the plugin family that it adds, as it stands there, works in the daemon and in a process. Its
// header, use and plugin are written out of the page by the build.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "core/isolation/isolated_library.hpp"
#include "core/plugin/plugin_host.hpp"

namespace gantry::greeting {

Expected<std::string> greet(const std::shared_ptr<plugin::Plugin>& plugin, std::string_view name);  // the page's

namespace {

namespace fs = std::filesystem;

TEST(PluginFamily, OutOfThePage) {
  auto pattern = (fs::temp_directory_path() / "gantry-family-XXXXXX").string();
  const fs::path dir = ::mkdtemp(pattern.data());
  for (const bool process : {false, true}) {
    SCOPED_TRACE(process);
    const plugin::SystemClock clock;
    plugin::Timers timers(clock);
    plugin::WorkerPool tasks("tasks", 1);
    plugin::PluginHostOptions options;
    options.clock = &clock;
    options.timers = &timers;
    options.tasks = &tasks;
    options.log = [](std::string_view, int32_t, std::string_view) {};
    options.run_dir = dir / "run";
    options.data_dir = dir / "data";
    int processes = 0;
    options.open_isolated = [&](const plugin::PluginSettings& settings, const fs::path& copy,
                                std::function<void(const std::string&)> on_exit) {
      ++processes;
      isolation::IsolationOptions apart;
      apart.name = settings.name;
      apart.copy = copy;
      apart.host = PLUGIN_HOST;
      apart.on_exit = std::move(on_exit);
      return isolation::open_isolated(std::move(apart));
    };
    options.try_images = false;
    plugin::PluginHost host(std::move(options));
    plugin::PluginSettings settings{"polite", POLITE, "", false, nullptr};
    settings.isolation.process = process;
    const auto loaded = host.load(settings);
    ASSERT_TRUE(loaded.ok()) << loaded.error().message();
    EXPECT_EQ(host.with_interface("gantry.greeter/1").size(), 1u);
    const auto greeted = greet(*loaded, "Ada");
    ASSERT_TRUE(greeted.ok()) << greeted.error().message();
    EXPECT_EQ(*greeted, "Good evening, Ada");
    EXPECT_EQ(greet(*loaded, "").error().message(), "nobody to greet");
    EXPECT_EQ(processes, process ? 1 : 0);
  }
  fs::remove_all(dir);
}

}  // namespace
}  // namespace gantry::greeting
