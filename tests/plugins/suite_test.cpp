// What every plugin must pass, whatever it does: plugin_suite FILE.so [--isolation=none] [KEY=VALUE ...] loads the
// built file in the real host. KEY=VALUE are strings of its [plugin.NAME] table. Joined by gantry_plugin_suite(NAME).
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <thread>

#include "core/isolation/isolated_library.hpp"
#include "core/plugin/interface_checks.hpp"
#include "core/plugin/library.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/plugin/verify.hpp"
#include "gantry/bytes.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

struct Arguments {
  fs::path file;
  bool isolation = true;
  std::map<std::string, std::string> config;
};
Arguments arguments;

// Strings alone, and every key must be asked for, as in the daemon's own table.
class Table final : public ConfigTable {
 public:
  explicit Table(std::map<std::string, std::string> values) : values_(std::move(values)) {}
  Expected<std::optional<std::string>> get_string(std::string_view key) override {
    const auto it = ask(key);
    return it == values_.end() ? std::nullopt : std::optional(it->second);
  }
  Expected<std::optional<int64_t>> get_int(std::string_view key) override { return none<int64_t>(key, "an integer"); }
  Expected<std::optional<bool>> get_bool(std::string_view key) override { return none<bool>(key, "a boolean"); }
  Expected<std::optional<std::vector<std::string>>> get_strings(std::string_view key) override {
    return none<std::vector<std::string>>(key, "an array of strings");
  }
  std::vector<std::string> unknown_keys() const override {
    std::vector<std::string> unknown;
    for (const auto& [key, value] : values_) {
      if (!asked_.contains(key)) unknown.push_back(key + ": unknown key");
    }
    return unknown;
  }

 private:
  std::map<std::string, std::string>::const_iterator ask(std::string_view key) {
    asked_.emplace(key);
    return values_.find(std::string(key));
  }
  template <typename T>
  Expected<std::optional<T>> none(std::string_view key, const std::string& expected) {
    if (ask(key) != values_.end()) return Status::invalid(std::string(key) + ": expected " + expected);
    return std::optional<T>();
  }
  const std::map<std::string, std::string> values_;
  std::set<std::string, std::less<>> asked_;
};

size_t entries(const char* folder) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

struct Footprint {
  size_t threads = entries("/proc/self/task"), descriptors = entries("/proc/self/fd");
};

// A thread is joined a moment before the kernel forgets it. So: what is there when nothing changes any more ...
Footprint quiet() {
  Footprint last;
  for (int same = 0; same < 10;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    const Footprint now;
    same = now.threads == last.threads ? same + 1 : 0;
    last = now;
  }
  return last;
}
// ... and what is there once no more than `threads` are left, or after ten seconds.
Footprint settled(size_t threads) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  Footprint now;
  while (now.threads > threads && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    now = {};
  }
  return now;
}

class Suite : public testing::Test {
 protected:
  void SetUp() override {
    ::umask(022);
    std::string folder = (fs::temp_directory_path() / "gantry-suite-XXXXXX").string();
    ASSERT_NE(::mkdtemp(folder.data()), nullptr);
    dir_ = folder;
    // The pools' threads are there before anybody counts.
    timers_.start(0, [] {});
    host_ = make_host();
  }
  void TearDown() override {
    host_.reset();
    std::error_code ignored;
    fs::remove_all(dir_, ignored);
  }
  std::unique_ptr<PluginHost> make_host() {
    PluginHostOptions options;
    options.clock = &clock_;
    options.timers = &timers_;
    options.tasks = &tasks_;
    options.log = [](std::string_view, int32_t, std::string_view) {};
    options.run_dir = dir_ / "run";
    options.data_dir = dir_ / "data";
    options.facts = {{"node_name", "suite"}, {"libexec_dir", GANTRY_LIBEXEC}, {"instance", "suite"}};
    options.open_isolated = [](const PluginSettings& settings, const fs::path& copy,
                               std::function<void(const std::string&)> on_exit) {
      isolation::IsolationOptions process;
      process.name = settings.name;
      process.copy = copy;
      process.host = PLUGIN_HOST;
      process.on_exit = std::move(on_exit);
      return isolation::open_isolated(std::move(process));
    };
    return std::make_unique<PluginHost>(std::move(options));
  }
  PluginSettings settings() const {
    PluginSettings wanted;
    wanted.name = arguments.file.stem().string();
    wanted.path = arguments.file;
    wanted.config = std::make_shared<Table>(arguments.config);
    return wanted;
  }
  PluginInfo info() const { return host_->list().at(0); }
  // How many images of the plugin this process maps.
  size_t images() const {
    std::set<std::string> found;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      const auto at = line.find((dir_ / "run").string());
      if (at != std::string::npos) found.insert(line.substr(at));
    }
    return found.size();
  }
  static void expect_images([[maybe_unused]] size_t have, [[maybe_unused]] size_t want) {
#ifndef GANTRY_SANITIZED
    EXPECT_EQ(have, want) << "what keeps an old image: a thread, or a symbol that is unique to the process";
#endif
  }

  fs::path dir_;
  SystemClock clock_;
  Timers timers_{clock_};
  WorkerPool tasks_{"suite-tasks", 2};
  std::unique_ptr<PluginHost> host_;
};

TEST_F(Suite, VerifyFindsNothingWrong) {
  const auto image = verify_image(arguments.file, {});
  ASSERT_TRUE(image.ok()) << image.error().message();
  EXPECT_EQ(image->name, arguments.file.stem().string());
  EXPECT_FALSE(image->version.empty());
  EXPECT_FALSE(image->vendor.empty());
  EXPECT_FALSE(image->description.empty());
  ASSERT_FALSE(image->interfaces.empty());
  for (const auto& id : image->interfaces) EXPECT_TRUE(known_interface(id)) << id;
  EXPECT_EQ(std::set<std::string>(image->interfaces.begin(), image->interfaces.end()).size(), image->interfaces.size());
}

TEST_F(Suite, TablesAreWholeAndAlwaysTheSame) {
  const auto loaded = host_->load(settings());
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  const auto call = (*loaded)->enter();
  const auto& api = call.pinned().api();
  EXPECT_GE(api.size, sizeof(gantry_plugin_api));
  EXPECT_EQ(api.abi_major, static_cast<uint32_t>(GANTRY_ABI_MAJOR));
  EXPECT_EQ(api.get_interface(call.instance(), "gantry.none/1"), nullptr);
  for (const auto& id : info().image.interfaces) {
    const auto* table = call.pinned().find_interface(id);
    ASSERT_NE(table, nullptr) << id;
    EXPECT_EQ(api.get_interface(call.instance(), id.c_str()), table) << id;
    EXPECT_TRUE(check_interface(id, table).ok()) << check_interface(id, table).message();
  }
}

TEST_F(Suite, DestroyWithoutAStartLeavesNothing) {
  ASSERT_TRUE(host_->load(settings()).ok());  // libraries that it depends on stay for good
  ASSERT_TRUE(host_->disable(settings().name).ok());
  const auto before = quiet();
  for (int i = 0; i < 3; ++i) {
    const auto done = host_->reload(settings());
    ASSERT_TRUE(done.ok()) << done.message();
    ASSERT_TRUE(host_->disable(settings().name).ok());
  }
  const auto after = settled(before.threads);
  EXPECT_EQ(after.threads, before.threads);
  EXPECT_EQ(after.descriptors, before.descriptors);
  expect_images(images(), 0);
}

TEST_F(Suite, TwentyReloadsLeaveOneImage) {
  ASSERT_TRUE(host_->load(settings()).ok());
  const auto before = quiet();
  for (int i = 0; i < 20; ++i) {
    const auto done = host_->reload(settings());
    ASSERT_TRUE(done.ok()) << done.message();
  }
  EXPECT_EQ(info().reloads, 20u);
  EXPECT_EQ(info().message, "");
  const auto after = settled(before.threads + 1);
  EXPECT_LE(after.threads, before.threads + 1);  // the host's reaper
  EXPECT_EQ(after.descriptors, before.descriptors);
  expect_images(images(), 1);
}

TEST_F(Suite, OffAndOn) {
  const auto loaded = host_->load(settings());
  ASSERT_TRUE(loaded.ok());
  ASSERT_TRUE(host_->disable(settings().name).ok());
  EXPECT_EQ(info().phase, PluginPhase::kDisabled);
  EXPECT_FALSE((*loaded)->enter());
  ASSERT_TRUE(host_->reload(settings()).ok());
  EXPECT_EQ(info().phase, PluginPhase::kRunning);
  EXPECT_TRUE((*loaded)->enter());
}

TEST_F(Suite, AKeyThatItDoesNotKnowIsRefused) {
  auto wanted = settings();
  auto config = arguments.config;
  config["no-such-key-of-any-plugin"] = "x";
  wanted.config = std::make_shared<Table>(std::move(config));
  const auto loaded = host_->load(wanted);
  ASSERT_FALSE(loaded.ok());
  EXPECT_NE(loaded.error().message().find("unknown key"), std::string::npos) << loaded.error().message();
  expect_images(images(), 0);
}

TEST_F(Suite, AProcessOfItsOwn) {
  auto wanted = settings();
  wanted.isolation.process = true;
  const auto loaded = host_->load(wanted);
  if (!arguments.isolation) {
    EXPECT_FALSE(loaded.ok());
    return;
  }
  ASSERT_TRUE(loaded.ok()) << loaded.error().message();
  EXPECT_TRUE(info().process);
  EXPECT_EQ(images(), 0u) << "it is mapped over there";
  const auto done = host_->reload(settings());
  ASSERT_TRUE(done.ok()) << "back: " << done.message();
  EXPECT_FALSE(info().process);
}

}  // namespace
}  // namespace gantry::plugin

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  auto& arguments = gantry::plugin::arguments;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto at = word.find('=');
    if (word == "--isolation=none") {
      arguments.isolation = false;
    } else if (at != std::string::npos && !word.starts_with("-")) {
      arguments.config[word.substr(0, at)] = word.substr(at + 1);
    } else {
      arguments.file = std::filesystem::absolute(word);
    }
  }
  if (arguments.file.empty()) {
    std::cerr << "plugin_suite FILE.so [--isolation=none] [KEY=VALUE ...]\n";
    return 2;
  }
  return RUN_ALL_TESTS();
}
