// Selectors of queries and documents. Whatever comes: 400 or a selector, whose text reads back as the same, that
// matches as its requirements say one by one; memory and time in bounds.
#include <boost/json/object.hpp>

#include "core/schema/fuzz/fuzzing.hpp"
#include "core/schema/schema_testing.hpp"
#include "core/schema/selector/selector.hpp"

namespace gantry::schema::fuzz {
namespace {

using Op = LabelSelector::Op;

bool holds(const LabelSelector::Requirement& requirement, const boost::json::object& labels) {
  const Json* value = labels.if_contains(requirement.key);
  const std::string text(value != nullptr ? std::string_view(value->get_string()) : std::string_view());
  bool named = false;
  for (const std::string& each : requirement.values) named = named || each == text;
  switch (requirement.op) {
    case Op::kIn:
      return value != nullptr && named;
    case Op::kNotIn:
      return value == nullptr || !named;
    case Op::kExists:
      return value != nullptr;
    case Op::kNotExists:
      return value == nullptr;
    case Op::kGreater:
    case Op::kLess:
      return requirement.matches(value != nullptr ? std::optional<std::string_view>(text) : std::nullopt);
  }
  return false;
}

const boost::json::object kLabels[] = {
    {}, {{"a", "b"}}, {{"a", ""}, {"x.y/z", "5"}}, {{"k1", "v1"}, {"a", "10"}}, {{"app", "web"}, {"in", "notin"}}};

void check(const LabelSelector& selector) {
  for (const auto& labels : kLabels) {
    bool all = true;
    for (const auto& requirement : selector.requirements()) all = all && holds(requirement, labels);
    EXPECT_EQ(selector.matches(labels), all) << selector.to_string();
  }
}

bool read(const std::string& text) {
  const Bounded bounded(text.size());
  const Kind& pod = testing::pod_kind();
  if (auto fields = FieldSelector::parse(pod, text)) {
    (void)fields->matches(Attributes());
  } else {
    EXPECT_EQ(fields.error().code(), 400);
    EXPECT_LT(fields.error().message().size(), 2000U);
  }
  auto selector = LabelSelector::parse(text);
  if (!selector) {
    EXPECT_EQ(selector.error().code(), 400);
    EXPECT_LT(selector.error().message().size(), 2000U);
    return false;
  }
  check(*selector);
  auto again = LabelSelector::parse(selector->to_string());
  EXPECT_TRUE(again.ok()) << selector->to_string();
  if (again) {
    EXPECT_EQ(again->to_string(), selector->to_string());
  }
  return true;
}

TEST(SelectorFuzz, Corpus) {
  std::string values;
  for (int i = 0; i < 50'000; ++i) values += (i > 0 ? ",v" : "v") + std::to_string(i);
  for (const std::string& text :
       {"a in (" + values + ")", "a notin (" + values + ")", repeated("a=b,", 50'000) + "a=b", repeated("!a,", 50'000),
        repeated("(", 100'000), repeated(",", 100'000), "a in (" + repeated(",", 100'000) + ")", repeated(" ", 100'000),
        repeated("a", 100'000), "a=" + repeated("b", 100'000), repeated("spec.nodeName=a,", 20'000),
        repeated("\\,", 50'000), repeated("=", 100'000)}) {
    SCOPED_TRACE(text.substr(0, 60));
    read(text);
  }
}

TEST(SelectorFuzz, Mutations) {
  const std::string seeds[] = {"a=b,c!=d,e in (x,y),!f,g>1,h<9", "in in (in,notin),notin", "a==b, c notin (,), d in ()",
                               "x.y/z,app in (web , api)", "spec.nodeName=n,metadata.name!=a,status.phase=R\\,x"};
  Random random(seed());
  size_t taken = 0;
  Rounds rounds(20'000);
  while (rounds.next()) {
    SCOPED_TRACE("round " + std::to_string(rounds.count()));
    if (read(random.mutated(random.pick(seeds)))) ++taken;
  }
  EXPECT_GT(taken, rounds.count() / 20);
}

TEST(SelectorFuzz, Documents) {
  constexpr std::string_view kTexts[] = {"",  "a", "b", "k1", "x.y/z", "In", "NotIn", "Exists", "DoesNotExist",
                                         "5", "-"};
  Random random(seed());
  for (Rounds rounds(10'000); rounds.next();) {
    boost::json::array expressions;
    for (size_t i = 0, count = random.below(4); i < count; ++i) {
      boost::json::array values;
      for (size_t k = 0, many = random.below(4); k < many; ++k) values.emplace_back(random.pick(kTexts));
      expressions.push_back(boost::json::object{
          {"key", random.pick(kTexts)}, {"operator", kTexts[5 + random.below(4)]}, {"values", std::move(values)}});
    }
    const Bounded bounded(1024);
    auto selector = LabelSelector::from_document(
        boost::json::object{{"matchLabels", boost::json::object{{random.pick(kTexts), random.pick(kTexts)}}},
                            {"matchExpressions", expressions}});
    if (selector) check(*selector);
  }
}

}  // namespace
}  // namespace gantry::schema::fuzz
