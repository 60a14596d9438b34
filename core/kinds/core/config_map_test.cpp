// ConfigMaps: keys, their size, what is frozen.
#include "core/kinds/kinds_testing.hpp"

namespace gantry::kinds::core_config_map_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ConfigMap, HasKeysOnceAndMayBeFrozen) {
  EXPECT_THAT(
      problems(kind("", "ConfigMap"), R"({"metadata":{"name":"c"},"data":{"a.b":"c"},"binaryData":{"d":"AAAA"}})"),
      IsEmpty());
  EXPECT_THAT(problems(kind("", "ConfigMap"), R"({"metadata":{"name":"c"},"data":{"a/b":"c"}})"),
              ElementsAre(HasSubstr("data[a/b]: Invalid value: \"a/b\": a valid config key must consist of")));
  EXPECT_THAT(
      problems(kind("", "ConfigMap"), R"({"metadata":{"name":"c"},"data":{"a":"c"},"binaryData":{"a":"AAAA"}})"),
      ElementsAre("data[a]: Invalid value: \"a\": duplicate of key present in binaryData"));
  EXPECT_THAT(problems(kind("", "ConfigMap"),
                       R"({"metadata":{"name":"c"},"data":{"a":")" + std::string(1024 * 1024 + 1, 'x') + R"("}})"),
              ElementsAre("[]: Too long: may not be more than 1048576 bytes"));
  EXPECT_THAT(problems(kind("", "ConfigMap"), R"({"metadata":{"name":"c"},"data":{"a":"2"}})",
                       R"({"metadata":{"name":"c"},"immutable":true,"data":{"a":"1"}})"),
              ElementsAre("immutable: Forbidden: field is immutable when `immutable` is set",
                          "data: Forbidden: field is immutable when `immutable` is set"));
}

TEST(ConfigMap, HoldsAMebibyteAndNoMore) {
  EXPECT_THAT(problems(kind("", "ConfigMap"),
                       R"({"metadata":{"name":"c"},"data":{"a":")" + std::string(1024 * 1024, 'x') + R"("}})"),
              IsEmpty());
}

}  // namespace
}  // namespace gantry::kinds::core_config_map_test
