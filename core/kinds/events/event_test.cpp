// Events of both groups, and what the newer one asks for.
#include "core/kinds/kinds_testing.hpp"

namespace gantry::kinds::events_event_test {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Event, IsWhereItsObjectIs) {
  EXPECT_THAT(
      problems(kind("", "Event"),
               R"({"metadata":{"name":"e","namespace":"default"},"involvedObject":{"kind":"Node","name":"n"}})"),
      IsEmpty());
  EXPECT_THAT(
      problems(
          kind("", "Event"),
          R"({"metadata":{"name":"e","namespace":"a"},"involvedObject":{"kind":"Pod","name":"p","namespace":"b"}})"),
      ElementsAre("involvedObject.namespace: Invalid value: \"b\": does not match event.namespace"));
  const Kind& event = kind("events.k8s.io", "Event");
  constexpr std::string_view kGood =
      R"({"metadata":{"name":"e","namespace":"a"},"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"x/y",
    "reportingInstance":"i","action":"Run","reason":"Ran","type":"Normal","regarding":{"kind":"Pod","namespace":"a","name":"p"}})";
  EXPECT_THAT(lines(validate(event, made(event, kGood, "{}"))), IsEmpty());
  EXPECT_THAT(lines(validate(event, made(event, kGood, R"({"reason":null,"type":"Odd","eventTime":null})"))),
              ElementsAre("eventTime: Required value", "reason: Required value",
                          "type: Unsupported value: \"Odd\": supported values: \"Normal\", \"Warning\""));
  EXPECT_THAT(lines(validate(event, made(event, kGood, R"({"note":")" + std::string(1025, 'x') + R"("})"))),
              ElementsAre("message: Invalid value: \"\": can have at most 1024 characters"));
}

TEST(Event, OfTheNewerApiAreNewAndStay) {
  const Kind& event = kind("events.k8s.io", "Event");
  constexpr std::string_view kGood =
      R"({"metadata":{"name":"e","namespace":"a"},"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"x/y",
    "reportingInstance":"i","action":"Run","reason":"Ran","type":"Normal","regarding":{"kind":"Pod","namespace":"a","name":"p"}})";
  const auto old = made(event, kGood, "{}");
  EXPECT_THAT(lines(validate(event, made(event, kGood, R"({"deprecatedCount":1,"deprecatedSource":{"host":"h"},
                                                          "deprecatedFirstTimestamp":"2026-01-01T00:00:00Z"})"))),
              ElementsAre("source: Invalid value: \"\": needs to be unset",
                          "firstTimestamp: Invalid value: \"\": needs to be unset",
                          "count: Invalid value: \"\": needs to be unset"));
  constexpr std::string_view kShort = R"({"series":{"count":1}})";
  const std::vector<std::string> bad = {"series.count: Invalid value: \"\": should be at least 2",
                                        "series.lastObservedTime: Required value"};
  EXPECT_THAT(lines(validate(event, made(event, kGood, kShort))), ElementsAreArray(bad));
  EXPECT_THAT(lines(validate(event, made(event, kGood, kShort), &old)), ElementsAreArray(bad));
  const auto before = made(event, kGood, kShort);
  EXPECT_THAT(lines(validate(event, made(event, kGood, kShort), &before)), IsEmpty());
  EXPECT_THAT(lines(validate(event, made(event, kGood, R"({"series":{"count":2,
                                         "lastObservedTime":"2026-01-01T00:01:00.000000Z"}})"),
                             &old)),
              IsEmpty());
  EXPECT_THAT(
      lines(validate(event, made(event, kGood, R"({"note":"other","action":"Go","metadata":{"labels":{"a":"b"}}})"),
                     &old)),
      ElementsAre("message: Invalid value: \"other\": field is immutable",
                  "action: Invalid value: \"Go\": field is immutable"));
}

TEST(Event, OfTheOlderApiThatSayWhenInTheNewerWay) {
  const std::string head = R"({"metadata":{"name":"e","namespace":"a"},"involvedObject":{"namespace":"a"})";
  EXPECT_THAT(problems(kind("", "Event"), head + "}"), IsEmpty());
  EXPECT_THAT(problems(kind("", "Event"), head + R"(,"eventTime":"2026-01-01T00:00:00.000000Z"})"),
              ElementsAre("reportingComponent: Required value", "reportingInstance: Required value",
                          "action: Required value", "reason: Required value"));
  EXPECT_THAT(problems(kind("", "Event"), head + R"(,"eventTime":"2026-01-01T00:00:00.000000Z","reportingComponent":"c",
                               "reportingInstance":"i","action":"a","reason":"r","message":")" +
                                              std::string(1025, 'x') + "\"}"),
              ElementsAre("message: Invalid value: \"\": can have at most 1024 characters"));
}

TEST(Event, OfTheNewerApiIsWhereItsObjectIs) {
  const auto with = [](std::string_view ns, std::string_view about) {
    return problems(kind("events.k8s.io", "Event"),
                    R"({"metadata":{"name":"e","namespace":")" + std::string(ns) +
                        R"("},"eventTime":"2026-01-01T00:00:00.000000Z","reportingController":"c.io/c",
                        "reportingInstance":"i","action":"a","reason":"r","type":"Normal","regarding":)" +
                        std::string(about) + "}");
  };
  constexpr std::string_view kOfA = R"({"kind":"Pod","namespace":"a"})", kOfNone = R"({"kind":"Node"})";
  EXPECT_THAT(with("a", kOfA), IsEmpty());
  EXPECT_THAT(with("default", kOfNone), IsEmpty());
  EXPECT_THAT(with("kube-system", kOfNone), IsEmpty());
  EXPECT_THAT(with("b", kOfA),
              ElementsAre("involvedObject.namespace: Invalid value: \"a\": does not match event.namespace"));
  EXPECT_THAT(with("b", kOfNone),
              ElementsAre("involvedObject.namespace: Invalid value: \"\": does not match event.namespace"));
}

}  // namespace
}  // namespace gantry::kinds::events_event_test
