// A plugin that ends the daemon's process is known to the next one; one whose create, destroy or task never returns
// costs who waits for it a bounded time.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>

#include "core/plugin/library.hpp"
#include "core/plugin/plugin_host.hpp"
#include "gantry/abi/controller.h"
#include "gantry/bytes.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

class Words : public ConfigTable {
 public:
  explicit Words(std::map<std::string, std::string> values) : values_(std::move(values)) {}
  Expected<std::optional<std::string>> get_string(std::string_view key) override {
    const auto it = values_.find(std::string(key));
    return it == values_.end() ? std::optional<std::string>() : std::optional(it->second);
  }
  Expected<std::optional<int64_t>> get_int(std::string_view) override { return std::optional<int64_t>(); }
  Expected<std::optional<bool>> get_bool(std::string_view) override { return std::optional<bool>(); }
  Expected<std::optional<std::vector<std::string>>> get_strings(std::string_view) override {
    return std::optional<std::vector<std::string>>();
  }
  std::vector<std::string> unknown_keys() const override { return {}; }

 private:
  const std::map<std::string, std::string> values_;
};

class Containment : public testing::Test {
 protected:
  void SetUp() override {
    ::umask(022);
    // Not the test's name: with parameters it is a path, of which only the end would be removed.
    auto pattern = (fs::temp_directory_path() / "gantry-containment-XXXXXX").string();
    dir_ = ::mkdtemp(pattern.data());
    fs::create_directories(dir_ / "so");
    fs::create_directories(go().parent_path());
    fs::copy_file(fs::path(TEST_PLUGINS) / "fragile.so", dir_ / "so" / "fragile.so");
  }
  void TearDown() override { fs::remove_all(dir_); }
  fs::path go() const { return dir_ / "data" / "plugins" / "fragile" / "go"; }

  // One run of a daemon, as far as plugins go. The "process of its own" is this one: what matters is who gets one.
  struct Run {
    explicit Run(const fs::path& dir, int64_t main_call_ms = 30'000, bool processes = true) {
      PluginHostOptions options;
      options.clock = &clock;
      options.timers = &timers;
      options.tasks = &pool;
      options.log = [this](std::string_view plugin, int32_t, std::string_view text) {
        const std::lock_guard lock(mutex);
        log += std::string(plugin) + "|" + std::string(text) + "\n";
      };
      options.run_dir = dir / "run";
      options.data_dir = dir / "data";
      options.main_call_ms = main_call_ms;
      options.record_crashes = true;
      options.try_images = processes;
      options.open_isolated = [this](const PluginSettings& settings, const fs::path& copy,
                                     const std::function<void(const std::string&)>&) {
        if (copy.extension() == ".so") ++apart;  // and not a trial
        return LoadedLibrary::open(settings.path, copy, {});
      };
      host = std::make_unique<PluginHost>(std::move(options));
    }
    gantry_code reconcile(std::string_view name) {
      const auto call = host->find("fragile")->enter();
      const CallMark mark(call.pinned().mapped(), "reconcile", "ns", name);
      Buffer result, error;
      return call.table<gantry_controller>(GANTRY_CONTROLLER_ID)
          ->reconcile(call.instance(), to_slice("ns"), to_slice(name), result.out(), error.out());
    }
    std::string logged() {
      const std::lock_guard lock(mutex);
      return log;
    }
    SystemClock clock;
    Timers timers{clock};
    WorkerPool pool{"test", 2};
    std::mutex mutex;
    std::string log;
    int apart = 0;
    std::unique_ptr<PluginHost> host;
  };
  PluginSettings settings(std::map<std::string, std::string> words = {}) const {
    PluginSettings wanted{"fragile", dir_ / "so" / "fragile.so", "", false, nullptr};
    for (const auto& [key, value] : words) wanted.config_text += key + "=" + value + "\n";
    wanted.config = std::make_shared<Words>(std::move(words));
    return wanted;
  }
  // What a daemon of its own comes to that loads the plugin and then does this.
  int in_a_daemon(const std::function<void(Run&)>& deed) const {
    const pid_t child = ::fork();
    if (child == 0) {
      if (const int quiet = ::open("/dev/null", O_WRONLY); quiet >= 0) ::dup2(quiet, STDERR_FILENO);
      Run run(dir_);
      if (!run.host->load(settings()).ok()) ::_exit(99);
      deed(run);
      run.host.reset();
      ::_exit(0);
    }
    int how = 0;
    EXPECT_EQ(::waitpid(child, &how, 0), child);
    return how;
  }
  int ends_in(const std::string& key) const {
    return in_a_daemon([&](Run& run) { (void)run.reconcile(key); });
  }

  fs::path dir_;
};

struct End {
  const char* key;
  const char* cause;
};
void PrintTo(const End& end, std::ostream* out) { *out << end.key; }

class Ends : public Containment, public testing::WithParamInterface<End> {};

TEST_P(Ends, AreKnownToTheNextRun) {
  const int how = ends_in(GetParam().key);
  ASSERT_FALSE(WIFEXITED(how) && WEXITSTATUS(how) == 0) << "it was to end the process";
  Run next(dir_);
  ASSERT_TRUE(next.host->load(settings()).ok());
  const auto info = next.host->list().at(0);
  EXPECT_TRUE(info.process);
  EXPECT_EQ(next.apart, 1);
  const std::string what = std::string("it was at work (reconcile of ns/") + GetParam().key + ") when the daemon was ";
  // A thread of the plugin's own has no mark, and its stack tells.
  const std::string text = info.crash;
  EXPECT_TRUE(text.starts_with(what + GetParam().cause) ||
              text.starts_with(std::string("it was at work when the daemon was ") + GetParam().cause))
      << text;
  EXPECT_EQ(text.starts_with(what), !std::string_view(GetParam().key).ends_with("thread")) << text;
  EXPECT_NE(next.logged().find("plugin fragile runs in a process of its own, until its file or its configuration "
                               "changes or 'gantryctl plugin reload fragile': it was at work"),
            std::string::npos)
      << next.logged();
}

INSTANTIATE_TEST_SUITE_P(All, Ends,
                         testing::Values(End{"segv", "killed by SIGSEGV"}, End{"null", "killed by SIGSEGV"},
                                         End{"abort", "killed by SIGABRT"}, End{"deep", "killed by SIGSEGV"},
                                         End{"exit", "ended: it exited with status 7"},
                                         End{"thread", "killed by SIGABRT"},
                                         End{"throw-in-thread", "killed by SIGABRT"}));

TEST_F(Containment, WhoWasNotAtWorkIsNotBlamed) {
  EXPECT_EQ(ends_in("nothing"), 0);
  EXPECT_NE(in_a_daemon([](Run&) { std::abort(); }), 0);
  EXPECT_NE(in_a_daemon([](Run& run) {
              (void)run.reconcile("done");
              ::kill(::getpid(), SIGKILL);
            }),
            0);
  EXPECT_NE(in_a_daemon([](Run&) { std::exit(1); }), 0);
  Run next(dir_);
  ASSERT_TRUE(next.host->load(settings()).ok());
  EXPECT_EQ(next.host->list().at(0).crash, "");
  EXPECT_FALSE(next.host->list().at(0).process);
}

TEST_F(Containment, WhereNoProcessCanBeHadItIsLeftOut) {
  ends_in("segv");
  Run next(dir_, 30'000, false);
  const auto loaded = next.host->load(settings());
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(loaded.error().message().starts_with(
      "left out, until its file or its configuration changes or 'gantryctl plugin reload fragile': it was at work "
      "(reconcile of ns/segv) when the daemon was killed by SIGSEGV, "))
      << loaded.error().message();
  EXPECT_EQ(next.host->list().at(0).phase, PluginPhase::kFailed);
}

TEST_F(Containment, ItIsForgottenWithTheFileOrTheConfigurationOrByAnAdmin) {
  ends_in("segv");
  {
    Run next(dir_);
    ASSERT_TRUE(next.host->load(settings()).ok());
    EXPECT_TRUE(next.host->list().at(0).process) << "and at every start";
  }
  {
    Run next(dir_);
    ASSERT_TRUE(next.host->load(settings({{"other", "words"}})).ok());
    EXPECT_FALSE(next.host->list().at(0).process);
  }
  {
    Run next(dir_);
    ASSERT_TRUE(next.host->load(settings()).ok());
    EXPECT_FALSE(next.host->list().at(0).process) << "for good";
  }
  ends_in("segv");
  std::ofstream(dir_ / "so" / "fragile.so", std::ios::app | std::ios::binary) << "mended";
  {
    Run next(dir_);
    ASSERT_TRUE(next.host->load(settings()).ok());
    EXPECT_FALSE(next.host->list().at(0).process);
  }
  ends_in("segv");
  Run next(dir_);
  ASSERT_TRUE(next.host->load(settings()).ok());
  ASSERT_TRUE(next.host->list().at(0).process);
  next.host->forgive("fragile");
  ASSERT_TRUE(next.host->reload(settings()).ok());
  EXPECT_FALSE(next.host->list().at(0).process);
  EXPECT_EQ(next.host->list().at(0).crash, "");
}

TEST_F(Containment, HalfALineIsNobodys) {
  fs::create_directories(dir_ / "data");
  std::ofstream(dir_ / "data" / "plugins-crashed") << "fragile\tabc\tkilled by\nfragile\n\n\t\t\t\t\n";
  Run next(dir_);
  ASSERT_TRUE(next.host->load(settings()).ok());
  EXPECT_EQ(next.host->list().at(0).crash, "");
}

size_t main_threads() {
  size_t found = 0;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::string name;
    std::ifstream(task.path() / "comm") >> name;
    found += name == "plugin-main" ? 1 : 0;
  }
  return found;
}

TEST_F(Containment, ACreateThatHangsFailsTheLoadAndIsReportedWithItsStack) {
  Run run(dir_, 300, false);
  ASSERT_TRUE(run.host->load(settings()).ok());
  const auto done = run.host->reload(settings({{"at_begin", "hang"}}));
  EXPECT_EQ(done.message(), "its create has not returned within 300 ms");
  EXPECT_NE(run.logged().find("plugin fragile: its create has not returned within 300 ms; the daemon goes on without "
                              "it, and its image stays loaded; its thread is here:"),
            std::string::npos)
      << run.logged();
  EXPECT_NE(run.logged().find("hold_up_until_told"), std::string::npos) << run.logged();
  const auto info = run.host->list().at(0);
  EXPECT_EQ(info.phase, PluginPhase::kRunning);
  EXPECT_EQ(info.failed_reloads, 1u);
  EXPECT_EQ(run.reconcile("still"), 0);
  // Others are made meanwhile, and the stuck one is known until it is none.
  EXPECT_TRUE(run.host->reload(settings()).ok());
  const auto stuck = run.host->stuck_calls(0);
  ASSERT_EQ(stuck.size(), 1u);
  EXPECT_TRUE(stuck[0].starts_with("plugin fragile: its create, for ")) << stuck[0];
  EXPECT_EQ(main_threads(), 2u);
  std::ofstream(go()) << "go";
  while (!run.host->stuck_calls(0).empty()) std::this_thread::yield();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (main_threads() > 1 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(main_threads(), 1u) << "the thread that was given up ends with its work";
}

TEST_F(Containment, ADestroyThatHangsHoldsUpNeitherReloadNorEnd) {
  auto run = std::make_unique<Run>(dir_, 300, false);
  ASSERT_TRUE(run->host->load(settings({{"at_end", "hang"}})).ok());
  ASSERT_TRUE(run->host->reload(settings({{"at_end", "hang"}})).ok());
  EXPECT_NE(run->logged().find("plugin fragile: its destroy has not returned within 300 ms"), std::string::npos)
      << run->logged();
  EXPECT_EQ(run->reconcile("still"), 0);
  EXPECT_EQ(run->host->list().at(0).reloads, 1u);
  EXPECT_EQ(run->host->stuck_calls(0).size(), 1u);
  run->host->shutdown();
  EXPECT_EQ(run->host->stuck_calls(0).size(), 2u);
  std::ofstream(go()) << "go";
  while (!run->host->stuck_calls(0).empty()) std::this_thread::yield();
}

}  // namespace
}  // namespace gantry::plugin
