// Controllers that watch what is not served, or what nobody can decode: they say so by name, and nobody else waits.
#include <thread>

#include "core/schema/tree/extension_testing.hpp"
#include "k8s.io/api/core/v1/config.pb.h"
#include "tests/integration/workloads.hpp"

namespace gantry::integration {
namespace {

using plugin::PluginPhase;

constexpr int64_t kConfigMaps = 0, kUnserved = 1, kWrongSelector = 2, kGarbage = 3, kNamelessResource = 4;
const char* const kWidgetsAreRefused = "its watch of widgets.v1.demo.example.com is refused: ";

class Unserved : public testing::Test {
 protected:
  Status start(int64_t watches) {
    auto made = TestPlane::start({.plugins = {"replicaset", "watcher"},
                                  .config = {{"watcher", {{"watches", watches}}}},
                                  .tables = {{"watcher", {std::string(TEST_PLUGINS) + "/watcher.so"}}}});
    if (!made) return std::move(made).error();
    plane_ = std::move(*made);
    return {};
  }
  Status reload(int64_t watches) {
    plane_->set_config("watcher", {{"watches", watches}});
    return plane_->reload("watcher");
  }
  plugin::PluginInfo info() { return plane_->plugins().find_any("watcher")->info(); }
  // Polls: what is told comes by several threads.
  template <typename Check>
  bool eventually(const Check& check) {
    for (int i = 0; i < 3'000 && !check(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return check();
  }
  bool logged(const std::string& text) {
    for (const auto& line : plane_->log(0)) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }

  std::unique_ptr<TestPlane> plane_;
};

TEST_F(Unserved, ATypoIsNamedAndNobodyElseWaits) {
  ASSERT_TRUE(start(kUnserved).ok());
  EXPECT_TRUE(eventually([&] { return plane_->synced(); }));
  ASSERT_TRUE(eventually([&] { return !info().waiting.empty(); }));
  EXPECT_TRUE(info().waiting.starts_with(kWidgetsAreRefused)) << info().waiting;
  EXPECT_EQ(plugin::state_name(info()), "Degraded");
  EXPECT_TRUE(logged(std::string("controller watcher waits: ") + kWidgetsAreRefused));
  // One that is served takes its place.
  ASSERT_TRUE(reload(kConfigMaps).ok());
  EXPECT_EQ(plugin::state_name(info()), "Running");
  corev1::ConfigMap map;
  map.mutable_metadata()->set_name("seen");
  ASSERT_TRUE(plane_->create(map).ok());
  EXPECT_TRUE(eventually([&] { return logged("saw seen"); }));
}

TEST_F(Unserved, ItStartsWhenTheResourceIsServed) {
  ASSERT_TRUE(start(kUnserved).ok());
  ASSERT_TRUE(eventually([&] { return !info().waiting.empty(); }));
  ASSERT_TRUE(plane_->extend("widgets", schema::testing::Widgets().set()).ok());
  EXPECT_TRUE(eventually([&] { return info().waiting.empty(); }));
  EXPECT_TRUE(logged("controller watcher: all that it watches is served now"));
  client::ApiRequest request;
  request.set_verb(client::ApiRequest::CREATE);
  request.set_group("demo.example.com");
  request.set_version("v1");
  request.set_resource("widgets");
  request.set_namespace_("default");
  using schema::testing::bytes_field;  // metadata.name and spec.owner
  request.set_body(bytes_field(1, bytes_field(1, "new-one")) + bytes_field(2, bytes_field(3, "me")));
  const auto made = plane_->client().call(request);
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_TRUE(eventually([&] { return logged("saw new-one"); }));
}

TEST_F(Unserved, AReloadToItIsRefusedByName) {
  ASSERT_TRUE(start(kConfigMaps).ok());
  const auto refused = reload(kUnserved);
  EXPECT_TRUE(refused.message().starts_with(kWidgetsAreRefused)) << refused.message();
  const auto after = info();
  EXPECT_EQ(plugin::state_name(after), "Running");
  EXPECT_EQ(after.failed_reloads, 1u);
  EXPECT_TRUE(eventually([&] { return plane_->synced(); }));
  EXPECT_EQ(reload(kWrongSelector).message().find("its watch of configmaps.v1 is refused: "), 0u);
}

// It may come before the one that brings what it watches.
TEST_F(Unserved, OneThatIsSwitchedOnMayWait) {
  ASSERT_TRUE(start(kConfigMaps).ok());
  ASSERT_TRUE(plane_->disable("watcher").ok());
  ASSERT_TRUE(reload(kUnserved).ok());
  EXPECT_EQ(plugin::state_name(info()), "Degraded");
  ASSERT_TRUE(plane_->disable("watcher").ok());
  EXPECT_EQ(plugin::state_name(info()), "Disabled");
  EXPECT_EQ(info().waiting, "");
}

TEST_F(Unserved, AWrongSelectorIsNoBetter) {
  ASSERT_TRUE(start(kWrongSelector).ok());
  EXPECT_TRUE(eventually([&] { return plane_->synced(); }));
  ASSERT_TRUE(eventually([&] { return !info().waiting.empty(); }));
  EXPECT_TRUE(info().waiting.starts_with("its watch of configmaps.v1 is refused: ")) << info().waiting;
}

TEST_F(Unserved, ASpecThatIsNoneIsRefused) {
  const auto garbage = start(kGarbage);
  EXPECT_EQ(garbage.message(),
            "plugin watcher could not describe its controller: its ControllerSpec can't be decoded: it is no "
            "gantry.abi.ControllerSpec");
  EXPECT_EQ(start(kNamelessResource).message(),
            "plugin watcher could not describe its controller: its ControllerSpec has a watch without a resource or "
            "version");
  ASSERT_TRUE(start(kConfigMaps).ok());
  EXPECT_FALSE(reload(kGarbage).ok());
  EXPECT_EQ(plugin::state_name(info()), "Running");
}

}  // namespace
}  // namespace gantry::integration
