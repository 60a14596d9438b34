// Endpoints: addresses, ports, and the table.
#include "core/kinds/kinds_testing.hpp"
#include "core/schema/table/table.hpp"

namespace gantry::kinds::core_endpoints_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const Kind& endpoints() { return kind("", "Endpoints"); }
std::string with(std::string_view subset) {
  return R"({"metadata":{"name":"web","namespace":"default"},"subsets":[)" + std::string(subset) + "]}";
}
Problems of_new(std::string_view subset) { return problems(endpoints(), with(subset)); }

TEST(Endpoints, HasUpstreamsDefaults) {
  EXPECT_EQ(schema::encode_json(*endpoints().message,
                                made(endpoints(), with(R"({"addresses":[{"ip":"10.0.0.1"}],"ports":[{"port":80}]})"))),
            R"({"metadata":{"name":"web","namespace":"default"},"subsets":[)"
            R"({"addresses":[{"ip":"10.0.0.1"}],"ports":[{"port":80,"protocol":"TCP"}]}]})");
}

TEST(Endpoints, HasAddressesThatCanBeReached) {
  EXPECT_THAT(problems(endpoints(), R"({"metadata":{"name":"web"}})"), IsEmpty());
  EXPECT_THAT(of_new(R"({"addresses":[{"ip":"10.0.0.1","hostname":"a","nodeName":"n.x"}]})"), IsEmpty());
  EXPECT_THAT(of_new("{}"), ElementsAre("subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"));
  EXPECT_THAT(
      of_new(R"({"notReadyAddresses":[{"ip":"127.0.0.1"}]})"),
      ElementsAre("subsets[0].notReadyAddresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback "
                  "range (127.0.0.0/8, ::1/128)"));
  EXPECT_THAT(
      of_new(R"({"addresses":[{"ip":"x"}]})"),
      ElementsAre("subsets[0].addresses[0].ip: Invalid value: \"x\": must be a valid IP address, (e.g. 10.9.8.7 "
                  "or 2001:db8::ffff)"));
  EXPECT_THAT(of_new(R"({"addresses":[{"ip":"10.0.0.01"}]})"),
              ElementsAre("subsets[0].addresses[0].ip: Invalid value: \"10.0.0.01\": must not have leading 0s"));
  EXPECT_THAT(of_new(R"({"notReadyAddresses":[{"ip":"::ffff:127.0.0.1"}]})"),
              ElementsAre("subsets[0].notReadyAddresses[0].ip: Invalid value: \"::ffff:127.0.0.1\": must not be an "
                          "IPv4-mapped IPv6 address"));
  EXPECT_THAT(of_new(R"({"addresses":[{"ip":"10.0.0.1","hostname":"A","nodeName":""}]})"),
              ElementsAre(HasSubstr("subsets[0].addresses[0].hostname: Invalid value: \"A\""),
                          HasSubstr("subsets[0].addresses[0].nodeName: Invalid value: \"\"")));
}

TEST(Endpoints, HasPorts) {
  const auto ports = [](const std::string& list) {
    return of_new(R"({"addresses":[{"ip":"10.0.0.1"}],"ports":[)" + list + "]}");
  };
  EXPECT_THAT(ports(R"({"port":80})"), IsEmpty());
  EXPECT_THAT(ports(R"({"port":80,"name":"a"},{"port":81})"), ElementsAre("subsets[0].ports[1].name: Required value"));
  EXPECT_THAT(ports(R"({"port":0})"),
              ElementsAre("subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"));
  EXPECT_THAT(ports(R"({"port":1,"protocol":"X","name":"A","appProtocol":"a b"})").size(), 3u);
}

TEST(Endpoints, AreJudgedWhenTheyChange) {
  EXPECT_THAT(problems(endpoints(), with("{}"), with("{}")), IsEmpty());
  EXPECT_THAT(problems(endpoints(), with("{}"), with(R"({"addresses":[{"ip":"10.0.0.1"}]})")).size(), 1u);
  constexpr std::string_view kOld = R"({"addresses":[{"ip":"10.0.0.01"}]})";
  EXPECT_THAT(problems(endpoints(), with(kOld), with(kOld)), IsEmpty());
  EXPECT_THAT(problems(endpoints(), with(R"({"addresses":[{"ip":"10.0.0.01"},{"ip":"10.0.0.2"}]})"), with(kOld)).size(),
              1u)
      << "of a list that changes all is judged";
  EXPECT_TRUE(endpoints().behavior->create_on_update);
}

TEST(Endpoints, ATableShowsTheFirstThree) {
  const auto cell = [](std::string_view subsets) {
    return table_row_json(endpoints(), made(endpoints(), with(subsets)), "{}", schema::IncludeObject::kNone, 0);
  };
  const auto row = [](const std::string& text) {
    return R"({"cells":["web",")" + text + R"(","\u003cunknown\u003e"],"object":null})";
  };
  EXPECT_EQ(cell(""), row(R"(\u003cnone\u003e)"));
  EXPECT_EQ(cell(R"({"addresses":[{"ip":"10.0.0.1"},{"ip":"fd00::1"}],"ports":[{"port":80}]})"),
            row("10.0.0.1:80,[fd00::1]:80"));
  EXPECT_EQ(cell(R"({"addresses":[{"ip":"10.0.0.1"}]})"), row("10.0.0.1"));
  EXPECT_EQ(cell(R"({"notReadyAddresses":[{"ip":"10.0.0.1"}],"ports":[{"port":80}]})"), row(""));
  EXPECT_EQ(cell(R"({"addresses":[{"ip":"10.0.0.1"},{"ip":"10.0.0.2"}],"ports":[{"port":80},{"port":81}]},
                    {"addresses":[{"ip":"10.0.0.3"}]})"),
            row("10.0.0.1:80,10.0.0.2:80,10.0.0.1:81 + 2 more..."));
}

}  // namespace
}  // namespace gantry::kinds::core_endpoints_test
