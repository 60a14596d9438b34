// What [plugin.sim] may say, and that what it may not is refused with the key's name, before anything is made of it.
#include "settings.hpp"

#include <gtest/gtest.h>

#include "sdk/testkit/scripted_host.hpp"

namespace gantry::sim {
namespace {

using Strings = std::vector<std::string>;

struct SettingsTest : ::testing::Test {
  std::string refusal() {
    const auto read = read_settings(sdk::Host(&host_.host));
    host_.config.clear();
    return read ? "" : read.error().message();
  }
  testkit::ScriptedHost host_;
};

TEST_F(SettingsTest, DefaultsAreWhole) {
  const auto read = read_settings(sdk::Host(&host_.host));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->cpu, Settings{}.cpu);
}

TEST_F(SettingsTest, AmountsAreQuantitiesAboveNothing) {
  for (const std::string key : {"cpu", "memory"}) {
    for (const std::string good : {"4", "500m", "8Gi", "1.5"}) {
      host_.config[key] = good;
      EXPECT_EQ(refusal(), "") << key << " " << good;
    }
    for (const std::string bad : {"abc", "", "-1", "0", "4 Gi"}) {
      host_.config[key] = bad;
      EXPECT_EQ(refusal(), "[plugin.sim] " + key +
                               " must be an amount above 0 such as \"4\", \"500m\" or \"8Gi\", not \"" + bad + "\"");
    }
  }
}

TEST_F(SettingsTest, LabelsAreSuchAsANodeCanHave) {
  for (const std::string good : {"a=b", "example.com/a_b=c.d", "a=", "A1=0"}) {
    host_.config["labels"] = Strings{good};
    EXPECT_EQ(refusal(), "") << good;
  }
  for (const std::string bad : {"!!=a", "a=a b", "a/b/c=d", "/a=b", "a/=b", "-a=b", "a=b-", "UP/a=b"}) {
    host_.config["labels"] = Strings{bad};
    EXPECT_EQ(refusal(), "[plugin.sim] labels: \"" + bad + "\" is none that a node can have");
  }
  host_.config["labels"] = Strings{std::string(64, 'a') + "=b"};
  EXPECT_NE(refusal(), "");
  host_.config["labels"] = Strings{"a"};
  EXPECT_EQ(refusal(), "[plugin.sim] labels: \"a\" is not KEY=VALUE");
}

}  // namespace
}  // namespace gantry::sim
