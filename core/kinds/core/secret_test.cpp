// Secrets: what their types need.
#include "core/kinds/kinds_testing.hpp"

namespace gantry::kinds::core_secret_test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Secret, HasWhatItsTypeNeeds) {
  EXPECT_THAT(problems(kind("", "Secret"), R"({"metadata":{"name":"s"},"stringData":{"a":"b"}})"), IsEmpty());
  EXPECT_THAT(problems(kind("", "Secret"), R"({"metadata":{"name":"s"},"type":"kubernetes.io/tls"})"),
              ElementsAre("data[tls.crt]: Required value", "data[tls.key]: Required value"));
  EXPECT_THAT(
      problems(
          kind("", "Secret"),
          R"({"metadata":{"name":"s"},"type":"kubernetes.io/dockerconfigjson","stringData":{".dockerconfigjson":"{"}})")
          .size(),
      1u);
  EXPECT_THAT(
      problems(
          kind("", "Secret"),
          R"({"metadata":{"name":"s"},"type":"kubernetes.io/dockerconfigjson","stringData":{".dockerconfigjson":"{}"}})"),
      IsEmpty());
  EXPECT_THAT(problems(kind("", "Secret"), R"({"metadata":{"name":"s"},"type":"x"})",
                       R"({"metadata":{"name":"s"},"type":"y"})"),
              ElementsAre("type: Invalid value: \"x\": field is immutable"));
}

}  // namespace
}  // namespace gantry::kinds::core_secret_test
