// Plugins without a controller that watch: what is in their caches, and what they are told.
#include <future>

#include "core/controller/host_fixture.hpp"
#include "core/plugin/bounds.hpp"

namespace gantry::controller {
namespace {

namespace fs = std::filesystem;
using client::WatchEvent;
using corev1::ConfigMap;
using corev1::Secret;

class Number : public plugin::ConfigTable {
 public:
  explicit Number(int64_t number) : number_(number) {}
  Expected<std::optional<std::string>> get_string(std::string_view) override { return std::optional<std::string>(); }
  Expected<std::optional<int64_t>> get_int(std::string_view) override { return number_; }
  Expected<std::optional<bool>> get_bool(std::string_view) override { return std::optional<bool>(); }
  Expected<std::optional<std::vector<std::string>>> get_strings(std::string_view) override {
    return std::optional<std::vector<std::string>>();
  }
  std::vector<std::string> unknown_keys() const override { return {}; }

 private:
  const std::optional<int64_t> number_;
};

class WatchesTest : public ControllerHostTest {
 protected:
  void begin(In in, bool with_other = false) {
    fs::create_directories(dir_ / "plugins" / "lookout");
    load("lookout", "lookout.so", in);
    if (with_other) load("good", "test_plugin_good.so", In::kDaemon);
    controllers_->start();
  }
  void order(WatchEvent::Type type, const std::string& name, const std::string& what) {
    auto map = PlayedApi::named<ConfigMap>(name);
    (*map.mutable_data())["do"] = what;
    api_.send(type, std::move(map));
  }
  void add(const std::string& name, const std::string& what) { order(WatchEvent::Type::kAdded, name, what); }
  // Lets it look until it has seen this.
  bool sees(const std::string& text) {
    for (int i = 0; i < 400; ++i) {
      const auto before = count("lookout: sees ");
      order(WatchEvent::Type::kModified, "eye", "look");
      if (!logged("lookout: sees ", before + 1)) return false;
      if (count("lookout: sees " + text) > 0) return true;
      ::usleep(10'000);
    }
    return false;
  }
  void TearDown() override {
    let_go();
    ControllerHostTest::TearDown();
  }
  void let_go() { std::ofstream(dir_ / "plugins" / "lookout" / "go") << "go"; }
};

class WatchesBothWays : public WatchesTest, public testing::WithParamInterface<bool> {
 protected:
  In in() const { return GetParam() ? In::kProcess : In::kDaemon; }
};

TEST_P(WatchesBothWays, WhatIsWatchedIsCachedAndChangesAreTold) {
  ASSERT_NO_FATAL_FAILURE(begin(in()));
  EXPECT_TRUE(logged("lookout: begins"));
  EXPECT_EQ(ask_node("lookout", "n"), "0");
  api_.add<ConfigMap>("a");
  EXPECT_TRUE(logged("lookout: ADDED a"));
  EXPECT_EQ(ask_node("lookout", "n"), "1");
  api_.send(WatchEvent::Type::kModified, PlayedApi::named<ConfigMap>("a"));
  EXPECT_TRUE(logged("lookout: MODIFIED a"));
  api_.add<Secret>("kept");
  EXPECT_TRUE(sees("uid-eye, 1 secrets, 2 orphans"));
  api_.send(WatchEvent::Type::kDeleted, PlayedApi::named<ConfigMap>("a"));
  EXPECT_TRUE(logged("lookout: DELETED a"));
  EXPECT_EQ(ask_node("lookout", "n"), "1");
  EXPECT_EQ(count("kept"), 0u) << "what is cached alone is not told";
  EXPECT_EQ(count("lookout: begins"), 1u);
  // It has no keys: they go nowhere.
  EXPECT_TRUE(logged("lookout: a key was dropped: the plugin has no controller to work on it"));
}

TEST_P(WatchesBothWays, AnotherInstanceHasTheCachesAtOnceAndIsToldAnew) {
  ASSERT_NO_FATAL_FAILURE(begin(in()));
  api_.add<ConfigMap>("a");
  api_.add<ConfigMap>("b");
  ASSERT_TRUE(logged("lookout: ADDED b"));
  ASSERT_NO_FATAL_FAILURE(load("lookout", "lookout.so", in()));
  EXPECT_EQ(ask_node("lookout", "n"), "2");
  EXPECT_TRUE(logged("lookout: ADDED a", 2));
  EXPECT_TRUE(logged("lookout: ADDED b", 2));
  EXPECT_EQ(count("lookout: begins"), 2u);
  api_.add<ConfigMap>("c");
  EXPECT_TRUE(logged("lookout: ADDED c"));
  // Off, and on again.
  ASSERT_TRUE(plugins_->disable("lookout").ok());
  ASSERT_NO_FATAL_FAILURE(load("lookout", "lookout.so", in()));
  EXPECT_TRUE(logged("lookout: begins", 3));
  api_.add<ConfigMap>("d");
  EXPECT_TRUE(logged("lookout: ADDED d"));
}

TEST_P(WatchesBothWays, AChangeThatItCanNotTakeInHoldsUpNothing) {
  ASSERT_NO_FATAL_FAILURE(begin(in()));
  ASSERT_TRUE(logged("lookout: begins"));  // what comes before may be among all objects and a change as well
  add("f", "fail");
  EXPECT_TRUE(logged("lookout: it could not take in configmaps ns/f: will not"));
  api_.add<ConfigMap>("next");
  EXPECT_TRUE(logged("lookout: ADDED next"));
  EXPECT_EQ(count("lookout: ADDED f"), 1u);
}

// More than is kept meanwhile: then all comes from the beginning, and what is gone does not come.
TEST_P(WatchesBothWays, OneThatLingersHoldsUpNobodyAndLosesWhatIsTooMuch) {
  deadline_ms_ = 50;
  ASSERT_NO_FATAL_FAILURE(begin(in(), true));
  ASSERT_TRUE(logged("lookout: begins"));
  api_.add<ConfigMap>("gone");
  add("l", "linger");
  ASSERT_TRUE(logged("lookout: ADDED l to linger"));
  if (in() == In::kDaemon) {
    EXPECT_TRUE(logged("plugin lookout: the changed of ns/l has run for"));
  }
  api_.send(WatchEvent::Type::kDeleted, PlayedApi::named<ConfigMap>("gone"));
  constexpr size_t kLarge = 1 << 20, kMany = plugin::bounds::kEventBytes / kLarge + 1;
  for (size_t i = 0; i < kMany; ++i) {
    auto map = PlayedApi::named<ConfigMap>("large-" + std::to_string(i));
    (*map.mutable_data())["text"] = std::string(kLarge, 'x');
    api_.send(WatchEvent::Type::kAdded, std::move(map));
  }
  EXPECT_TRUE(logged("good: reconcile large-" + std::to_string(kMany - 1)));
  EXPECT_EQ(count("lookout: lingered"), 0u);
  let_go();
  EXPECT_TRUE(logged("lookout: begins", 2));
  for (size_t i = 0; i < kMany; ++i) EXPECT_TRUE(logged("lookout: ADDED large-" + std::to_string(i)));
  EXPECT_EQ(count("lookout: DELETED gone"), 0u);
  EXPECT_EQ(count("lookout: ADDED gone"), 1u);
}

INSTANTIATE_TEST_SUITE_P(Modes, WatchesBothWays, testing::Bool(),
                         [](const auto& info) { return info.param ? "InAProcess" : "InTheDaemon"; });

TEST_F(WatchesTest, AChangeThatEndsTheProcessAgainAndAgainIsLeftOut) {
  ASSERT_NO_FATAL_FAILURE(begin(In::kProcess));
  add("x", "die");
  EXPECT_TRUE(
      logged("plugin lookout: an event of configmaps ns/x is left out: being told of it ended the plugin's "
             "process 3 times"));
  api_.add<ConfigMap>("next");
  EXPECT_TRUE(logged("lookout: ADDED next"));
  EXPECT_EQ(count("lookout: ADDED x to die"), 3u);
}

// What makes no sense is said at the start, and keeps another instance from taking over.
TEST_F(WatchesTest, AListThatMakesNoSenseIsRefused) {
  auto wrong = settings("lookout", "lookout.so", In::kDaemon);
  wrong.config = std::make_shared<Number>(1);
  controllers_->start();
  const std::string why =
      "plugin lookout could not describe its watches: its WatchList has a watch of configmaps that maps to keys, which "
      "only a controller has";
  const auto reloaded = plugins_->reload(wrong);
  EXPECT_NE(reloaded.message().find(why), std::string::npos) << reloaded.message();
  ASSERT_NO_FATAL_FAILURE(load("lookout", "lookout.so", In::kDaemon));
  EXPECT_TRUE(logged("lookout: begins"));
  wrong.config = std::make_shared<Number>(2);
  const auto nameless = plugins_->reload(wrong);
  EXPECT_NE(nameless.message().find("its WatchList has a watch without a resource or version"), std::string::npos)
      << nameless.message();
  api_.add<ConfigMap>("a");
  EXPECT_TRUE(logged("lookout: ADDED a")) << "the one before goes on";
}

}  // namespace
}  // namespace gantry::controller
