// Who pays for documents: charges while they live, the refusal, and that it leaves nothing behind.
#include <functional>

#include "core/schema/patch/patch.hpp"
#include "core/schema/sample_pod.hpp"
#include "core/schema/schema_testing.hpp"
#include "core/schema/values/arena.hpp"
#include "core/schema/values/counted.hpp"

namespace gantry::schema {
namespace {

using limits::Account;
using AccountPtr = std::shared_ptr<Account>;

constexpr size_t kPlenty = 64 << 20;
constexpr size_t kLittle = 64 << 10;

std::string config_map(size_t entries) {
  std::string out = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{)";
  for (size_t i = 0; i < entries; ++i) {
    out += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + R"(":"a value that is not that short")";
  }
  return out + "}}";
}

const Message& config_message() { return *testing::kind("", "ConfigMap").message; }

// Others hold all but this.
AccountPtr filled(size_t room) {
  auto account = std::make_shared<Account>(kPlenty);
  account->add(kPlenty - room);
  return account;
}

struct Work {
  const char* name;
  std::function<Status(AccountPtr)> run;
};

template <typename Make>
Work work(const char* name, Make make) {
  return {name, [name, make](AccountPtr account) {
            auto made = make(account);
            if (!made) return std::move(made).error();
            EXPECT_GT(account->used(), 100'000U) << name << ": the document is charged while it lives";
            return Status();
          }};
}

std::vector<Work> all_work() {
  const std::string text = config_map(5000);
  const Json document = testing::document(testing::kind("", "ConfigMap"), text);
  const std::string yaml = to_yaml(document);
  const std::string bytes = wrap_protobuf("v1", "ConfigMap", *encode_protobuf(config_message(), document));
  const Json patch = *parse_json(R"({"metadata":{"labels":{"a":"b"}}})");
  const Json operations = *parse_json(R"([{"op":"add","path":"/metadata/labels","value":{"a":"b"}}])");
  const auto decoding = [](Media media, std::string body) {
    return [media, body](AccountPtr account) {
      return decode(config_message(), media, body, {.account = std::move(account)});
    };
  };
  return {
      work("json", decoding(Media::kJson, text)),
      work("yaml", decoding(Media::kYaml, yaml)),
      work("yaml in brackets", decoding(Media::kYaml, text)),
      work("protobuf", decoding(Media::kProtobuf, bytes)),
      work("parse_json", [=](AccountPtr account) { return parse_json(text, kMaxDepth, account); }),
      work("parse_yaml", [=](AccountPtr account) { return parse_yaml(yaml, kMaxDepth, account); }),
      work("copy_of", [=](AccountPtr account) { return copy_of(document, account); }),
      work("json_patch", [=](AccountPtr account) { return json_patch(document, operations, account); }),
      work("merge_patch", [=](AccountPtr account) { return merge_patch(document, patch, account); }),
      work("strategic",
           [=](AccountPtr account) { return strategic_merge_patch(config_message(), document, patch, account); }),
  };
}

TEST(Accounts, WhatAFunctionMakesIsChargedUntilItGoes) {
  for (const Work& each : all_work()) {
    auto account = std::make_shared<Account>(kPlenty);
    const Status status = each.run(account);
    EXPECT_TRUE(status.ok()) << each.name << ": " << status.message();
    EXPECT_EQ(account->used(), 0U) << each.name;
  }
}

TEST(Accounts, ARefusalIsAnAnswerAndLeavesNothingCharged) {
  for (const Work& each : all_work()) {
    auto account = filled(kLittle);
    const Status status = each.run(account);
    EXPECT_EQ(status.code(), 429) << each.name << ": " << status.message();
    EXPECT_EQ(status.reason(), "TooManyRequests") << each.name;
    EXPECT_EQ(status.details()->retry_after_seconds, 1) << each.name;
    EXPECT_EQ(account->used(), kPlenty - kLittle) << each.name;
    EXPECT_LE(account->peak(), kPlenty + 3 * kUnasked) << each.name;
  }
}

// Wherever the account refuses, what was made until then goes, and nothing is thrown.
TEST(Accounts, ARefusalAtAnyMomentIsAnAnswer) {
  auto works = all_work();
  const Json pod = testing::document(testing::pod_kind(), testing::kSamplePod);
  works.push_back(work("elements by key", [=](AccountPtr account) {
    auto twice = copy_of(pod, account);
    for (int i = 0; twice && i < 20; ++i) {
      twice = strategic_merge_patch(*testing::pod_kind().message, pod, *twice, account);
    }
    return twice ? decode(*testing::pod_kind().message, Media::kJson, std::string(200'000, ' ') + config_map(4000),
                          {.account = account})
                 : twice;
  }));
  for (const Work& each : works) {
    auto plenty = std::make_shared<Account>(kPlenty);
    ASSERT_TRUE(each.run(plenty).ok()) << each.name;
    constexpr size_t kSteps = 25;
    for (size_t i = 0; i < kSteps; ++i) {
      const size_t room = plenty->peak() * i / kSteps;
      auto account = filled(room);
      EXPECT_EQ(each.run(account).code(), 429) << each.name << " " << i;
      EXPECT_EQ(account->used(), kPlenty - room) << each.name << " " << i;
    }
  }
}

TEST(Accounts, ASmallDocumentIsNeverRefused) {
  for (const Media media : {Media::kJson, Media::kYaml}) {
    SCOPED_TRACE(media == Media::kJson ? "JSON" : "YAML");
    auto account = std::make_shared<Account>(0);
    auto lease = decode(config_message(), media, config_map(10), {.account = account});
    ASSERT_TRUE(lease.ok()) << lease.error().message();
    EXPECT_GT(account->used(), 0U);
    EXPECT_TRUE(account->over());
  }
}

TEST(Accounts, ARefusalAboveCounts) {
  auto all = filled(kLittle);
  EXPECT_EQ(parse_json(config_map(5000), kMaxDepth, std::make_shared<Account>(kPlenty, all)).error().code(), 429);
  EXPECT_EQ(all->used(), kPlenty - kLittle);
}

// To try again later would not help.
TEST(Accounts, WhatNeverFitsIsTooLarge) {
  for (const Media media : {Media::kJson, Media::kYaml}) {
    auto account = std::make_shared<Account>(kLittle);
    const auto refused = decode(config_message(), media, config_map(5000), {.account = account});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), 413);
    EXPECT_EQ(refused.error().message(), "Request entity too large: limit is 65536");
    EXPECT_EQ(account->used(), 0U);
  }
}

TEST(Accounts, WhatIsPutIntoADocumentLaterIsChargedWithoutAsking) {
  auto account = std::make_shared<Account>(40 << 10);
  auto document = parse_json(R"({"a":1})", kMaxDepth, account);
  ASSERT_TRUE(document.ok());
  document->get_object()["b"] = std::string(100 << 10, 'x');
  EXPECT_GT(account->used(), 100U << 10);
  EXPECT_TRUE(account->over());
}

TEST(Accounts, ADocumentHoldsAboutWhatItIsLong) {
  auto account = std::make_shared<Account>(kPlenty);
  const std::string text = config_map(20'000);
  auto document = parse_json(text, kMaxDepth, account);
  ASSERT_TRUE(document.ok());
  EXPECT_LT(account->used(), 4 * text.size());
  EXPECT_LT(account->peak(), 8 * text.size()) << "the parser's stack";
}

TEST(Accounts, DefaultsAreRefusedToo) {
  std::string text = R"({"metadata":{"name":"a"},"spec":{"containers":[)";
  for (int i = 0; i < 2000; ++i) text += i > 0 ? ",{}" : "{}";
  auto account = filled(300 << 10);
  auto pod = decode(*testing::pod_kind().message, Media::kJson, text + "]}}", {.account = account});
  ASSERT_TRUE(pod.ok());
  EXPECT_EQ(apply_defaults(testing::pod_kind(), *pod).code(), 429);
}

TEST(Accounts, CanonicalFormKeepsTheChargeOfWhatItIsGiven) {
  auto account = std::make_shared<Account>(kPlenty);
  auto pod = canonicalize(*testing::pod_kind().message, *parse_json(testing::kSamplePod, kMaxDepth, account));
  ASSERT_TRUE(pod.ok());
  EXPECT_GT(account->used(), 0U);
}

}  // namespace
}  // namespace gantry::schema
