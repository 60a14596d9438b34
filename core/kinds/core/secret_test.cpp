// Secrets: what their types need.
#include "core/kinds/kinds_testing.hpp"

namespace gantry::kinds::core_secret_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
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

TEST(Secret, EachTypeHasItsKeys) {
  const auto of = [](std::string_view type, std::string_view more) {
    return problems(kind("", "Secret"), R"({"metadata":{"name":"s"},"type":"kubernetes.io/)" + std::string(type) +
                                            "\"" + std::string(more) + "}");
  };
  EXPECT_THAT(of("dockercfg", ""), ElementsAre("data[.dockercfg]: Required value"));
  EXPECT_THAT(of("dockercfg", R"(,"stringData":{".dockercfg":"{"})"),
              ElementsAre(HasSubstr("data[.dockercfg]: Invalid value: \"<secret contents redacted>\"")));
  EXPECT_THAT(of("dockercfg", R"(,"stringData":{".dockercfg":"{}"})"), IsEmpty());
  EXPECT_THAT(of("basic-auth", ""), ElementsAre("data[username]: Required value", "data[password]: Required value"));
  EXPECT_THAT(of("basic-auth", R"(,"stringData":{"username":"u"})"), IsEmpty());
  EXPECT_THAT(of("basic-auth", R"(,"stringData":{"password":"p"})"), IsEmpty());
  EXPECT_THAT(of("ssh-auth", ""), ElementsAre("data[ssh-privatekey]: Required value"));
  EXPECT_THAT(of("ssh-auth", R"(,"data":{"ssh-privatekey":""})"), ElementsAre("data[ssh-privatekey]: Required value"));
  EXPECT_THAT(of("ssh-auth", R"(,"stringData":{"ssh-privatekey":"k"})"), IsEmpty());
  const auto token = [](std::string_view notes) {
    return problems(kind("", "Secret"), R"({"metadata":{"name":"s","annotations":)" + std::string(notes) +
                                            R"(},"type":"kubernetes.io/service-account-token"})");
  };
  constexpr std::string_view kMissing = "metadata.annotations[kubernetes.io/service-account.name]: Required value";
  EXPECT_THAT(token("null"), ElementsAre(kMissing));
  EXPECT_THAT(token(R"({"a":"b"})"), ElementsAre(kMissing));
  EXPECT_THAT(token(R"({"kubernetes.io/service-account.name":"sa"})"), IsEmpty());
}

TEST(Secret, IsBoundedAndMayBeFrozen) {
  const auto sized = [](size_t bytes) {
    return problems(kind("", "Secret"),
                    R"({"metadata":{"name":"s"},"stringData":{"a":")" + std::string(bytes, 'x') + R"("}})");
  };
  EXPECT_THAT(sized(1024 * 1024), IsEmpty());
  EXPECT_THAT(sized(1024 * 1024 + 1), ElementsAre("data: Too long: may not be more than 1048576 bytes"));
  EXPECT_THAT(problems(kind("", "Secret"), R"({"metadata":{"name":"s"},"immutable":true,"stringData":{"a":"2"}})",
                       R"({"metadata":{"name":"s"},"immutable":true,"stringData":{"a":"1"}})"),
              ElementsAre("data: Forbidden: field is immutable when `immutable` is set"));
}

}  // namespace
}  // namespace gantry::kinds::core_secret_test
