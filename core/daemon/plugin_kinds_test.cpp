// Kinds of a plugin that is exchanged: stored objects are never left without their kind.
#include "core/daemon/plugin_kinds.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "core/kinds/kinds.hpp"

namespace gantry::daemon {
namespace {

namespace fs = std::filesystem;

class Number : public plugin::ConfigTable {
 public:
  explicit Number(int64_t shape) : shape_(shape) {}
  Expected<std::optional<std::string>> get_string(std::string_view) override { return std::optional<std::string>(); }
  Expected<std::optional<int64_t>> get_int(std::string_view) override { return std::optional(shape_); }
  Expected<std::optional<bool>> get_bool(std::string_view) override { return std::optional<bool>(); }
  Expected<std::optional<std::vector<std::string>>> get_strings(std::string_view) override {
    return std::optional<std::vector<std::string>>();
  }
  std::vector<std::string> unknown_keys() const override { return {}; }

 private:
  const int64_t shape_;
};

class PluginKindsTest : public testing::Test {
 protected:
  void SetUp() override {
    ::umask(022);
    dir_ = fs::temp_directory_path() / ("gantry-kinds-test-" + std::to_string(::getpid()));
    fs::create_directories(dir_);
    plugin::PluginHostOptions options;
    options.clock = &clock_;
    options.timers = &timers_;
    options.tasks = &pool_;
    options.log = [](std::string_view, int32_t, std::string_view) {};
    options.run_dir = dir_ / "run";
    options.data_dir = dir_ / "data";
    host_ = std::make_unique<plugin::PluginHost>(std::move(options));
    kinds_ = std::make_unique<PluginKinds>(
        *host_, *schemas_, [this] { ++changes_; },
        [this](const std::string& group, const std::string& plural) { return stored_as(plural + "." + group); });
  }
  void TearDown() override {
    kinds_.reset();
    host_.reset();
    fs::remove_all(dir_);
  }
  std::string bring(int64_t shape) {
    plugin::PluginSettings settings{"shaper", fs::path(TEST_PLUGINS) / "shaper.so", "", false,
                                    std::make_shared<Number>(shape)};
    const auto done = host_->reload(settings);
    return done.ok() ? "" : std::to_string(done.code()) + " " + done.message();
  }
  PluginKinds::Objects stored_as(const std::string& resource) {
    return {stored_[resource], version_, kind_, namespaced_};
  }
  bool served(const std::string& group, const std::string& plural) const {
    return schemas_->now()->find_resource(group, "v1", plural) != nullptr;
  }

  fs::path dir_;
  plugin::SystemClock clock_;
  plugin::Timers timers_{clock_};
  plugin::WorkerPool pool_{"test", 1};
  std::unique_ptr<schema::Registry> schemas_ = *schema::Registry::create(kinds::all());
  std::map<std::string, int64_t> stored_;
  std::string version_ = "v1", kind_ = "Widget";
  bool namespaced_ = true;
  int changes_ = 0;
  std::unique_ptr<plugin::PluginHost> host_;
  std::unique_ptr<PluginKinds> kinds_;
};

TEST_F(PluginKindsTest, WhatIsStoredIsServedOn) {
  ASSERT_EQ(bring(0), "");
  stored_["widgets.demo.example.com"] = 3;
  const std::string why =
      "409 its kinds can not be served: they lack the namespaced resource widgets.demo.example.com, of which 3 objects "
      "are stored; delete what is stored, or go on serving it";
  for (const int64_t shape : {2, 3, 4}) {
    // Of the kind itself the schema has a rule, which comes first.
    const auto refused = bring(shape);
    if (shape == 4) {
      EXPECT_NE(refused.find("kind Widget changes whether it is namespaced"), std::string::npos) << refused;
    } else {
      EXPECT_EQ(refused, why) << shape;
    }
    EXPECT_TRUE(served("demo.example.com", "widgets")) << shape;
    EXPECT_TRUE(schemas_->now()->find_resource("demo.example.com", "v1", "widgets")->namespaced);
    EXPECT_FALSE(served("demo.example.com", "gadgets"));
    EXPECT_EQ(host_->list().at(0).phase, plugin::PluginPhase::kRunning);
  }
  EXPECT_EQ(bring(1), "") << "more of the same";
  stored_.clear();
  EXPECT_EQ(bring(2), "");
  EXPECT_TRUE(served("demo.example.com", "gadgets"));
  EXPECT_FALSE(served("demo.example.com", "widgets"));
  stored_["gadgets.demo.example.com"] = 1;
  EXPECT_NE(bring(0).find("of which 1 object is stored"), std::string::npos);
}

// What an earlier daemon stored: no earlier set is there to compare with.
TEST_F(PluginKindsTest, WhatIsStoredIsServedAsWhatItIs) {
  stored_["widgets.demo.example.com"] = 3;
  const auto refused = [this](const std::string& change, int64_t shape = 0) {
    EXPECT_EQ(bring(shape), "409 its kinds can not be served: widgets.demo.example.com was " + change +
                                ", and 3 objects are stored; go on with the plugin as it was, or delete them with it "
                                "first");
    EXPECT_FALSE(served("demo.example.com", "widgets"));
  };
  kind_ = "Gizmo";
  refused("the kind Gizmo, now it is Widget");
  kind_ = "Widget";
  version_ = "v1alpha1";
  refused("the version v1alpha1, now it is v1");
  version_ = "v1";
  refused("a namespaced resource, now it is cluster-wide", 4);
  refused("kept on disk, now it is volatile", 7);
  EXPECT_EQ(bring(0), "") << "what was refused never was";
  EXPECT_TRUE(served("demo.example.com", "widgets"));
}

TEST_F(PluginKindsTest, ASetThatIsNoneIsRefusedAtTheFirstLoadToo) {
  EXPECT_EQ(bring(6), "422 its kinds can not be served: it gave no descriptor set");
  EXPECT_NE(bring(5).find("its kinds can not be served: "), std::string::npos) << bring(5);
  EXPECT_EQ(host_->list().at(0).phase, plugin::PluginPhase::kFailed);
  EXPECT_EQ(bring(0), "");
  EXPECT_GT(changes_, 0);
}

}  // namespace
}  // namespace gantry::daemon
