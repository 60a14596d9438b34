// Kinds whose objects are kept in memory alone: what the option says, and what it may not say.
#include <gmock/gmock.h>

#include "core/kinds/kinds.hpp"
#include "core/schema/schema_testing.hpp"
#include "core/schema/tree/extension_testing.hpp"
#include "core/schema/tree/registry.hpp"

namespace gantry::schema {
namespace {

using namespace testing;
using ::testing::HasSubstr;

class VolatileKind : public ::testing::Test {
 protected:
  // The set of a kind with this option; empty: without it.
  static std::string set(const std::string& option) {
    Widgets widgets;
    if (!option.empty()) widgets.more = bytes_field(17, option);
    return widgets.set();
  }
  static std::string option(int64_t seconds) { return number_field(1, static_cast<uint64_t>(seconds)); }
  std::string refusal(const std::string& option) {
    const auto status = registry_->extend("widgets", set(option));
    EXPECT_EQ(status.code(), 422) << status.message();
    return status.message();
  }
  bool accepted(const std::string& option, std::string_view owner = "widgets") {
    return registry_->extend(owner, set(option)).ok();
  }
  const Kind* widget() {
    schema_ = registry_->now();
    return schema_->find_resource("demo.example.com", "v1", "widgets");
  }

  std::unique_ptr<Registry> registry_ = *Registry::create(kinds::all());
  SchemaPtr schema_;
};

TEST_F(VolatileKind, TheOptionIsRead) {
  ASSERT_TRUE(accepted(option(60)));
  ASSERT_TRUE(widget()->volatility.has_value());
  EXPECT_EQ(widget()->volatility->time_to_live_seconds, 60);
  EXPECT_EQ(widget()->volatility->most, 16'384);
  EXPECT_EQ(widget()->volatility->most_bytes, 64 << 20);
  ASSERT_TRUE(accepted(option(86'400) + number_field(2, 1) + number_field(3, 1 << 30)));
  EXPECT_EQ(widget()->volatility->time_to_live_seconds, 86'400);
  EXPECT_EQ(widget()->volatility->most, 1);
  EXPECT_EQ(widget()->volatility->most_bytes, 1 << 30);
  // Of those that the daemon has itself, what is measured again and again.
  for (const auto* kind : schema_->kinds()) {
    EXPECT_EQ(kind->volatility.has_value(), kind == widget() || kind->group == "metrics.k8s.io") << kind->kind;
  }
}

TEST_F(VolatileKind, NonsenseIsRefused) {
  const std::string is = "kind Widget is volatile, ";
  for (const int64_t seconds : {0, -5, 86'401}) {
    EXPECT_THAT(refusal(option(seconds)), HasSubstr(is + "with time_to_live_seconds " + std::to_string(seconds) +
                                                    "; it must be between 1 and 86400"));
  }
  EXPECT_THAT(refusal(number_field(2, 10)), HasSubstr(is + "with time_to_live_seconds 0;"));
  EXPECT_THAT(refusal(option(60) + number_field(2, 0)),
              HasSubstr(is + "with most 0; it must be between 1 and 1000000"));
  EXPECT_THAT(refusal(option(60) + number_field(2, 1'000'001)), HasSubstr(is + "with most 1000001;"));
  EXPECT_THAT(refusal(option(60) + number_field(3, (1ULL << 30) + 1)),
              HasSubstr(is + "with most_bytes 1073741825; it must be between 1 and 1073741824"));
  EXPECT_EQ(widget(), nullptr);
}

// Else some of a resource's objects would be on disk and some not.
TEST_F(VolatileKind, AKindStaysWhatItIsUntilARestart) {
  const std::string why = "kind Widget changes whether it is volatile, which takes a restart of the daemon";
  ASSERT_TRUE(accepted(option(60)));
  EXPECT_EQ(refusal(""), why);
  ASSERT_TRUE(accepted(option(30))) << "another time is no other place";
  EXPECT_EQ(widget()->volatility->time_to_live_seconds, 30);
  registry_->withdraw("widgets");
  EXPECT_FALSE(accepted("", "somebody else"));
  EXPECT_TRUE(accepted(option(30), "somebody else"));

  registry_ = *Registry::create(kinds::all());
  ASSERT_TRUE(accepted(""));
  EXPECT_EQ(refusal(option(60)), why);
}

}  // namespace
}  // namespace gantry::schema
