// Mutates good documents and bytes at random, from a fixed seed, and runs everything that meets a client's bytes:
// decode, canonicalize, default, validate, encode. Nothing may crash, and what decodes must encode to something that
// decodes to the same.
#include <boost/json/serialize.hpp>

#include "core/schema/fuzz/fuzzing.hpp"
#include "core/schema/sample_pod.hpp"
#include "core/schema/schema_testing.hpp"

namespace gantry::schema {
namespace {

constexpr std::string_view kDeployment = R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},
  "spec":{"replicas":3,"selector":{"matchLabels":{"a":"b"}},"strategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":1}},
  "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})";
constexpr std::string_view kSecret =
    R"({"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"a":"AAEC/w=="},"type":"Opaque"})";
constexpr std::string_view kEvent = R"({"apiVersion":"v1","kind":"Event","metadata":{"name":"e","namespace":"default"},
  "involvedObject":{"kind":"Pod","name":"p","namespace":"default"},"eventTime":"2026-01-01T00:00:00.000001Z","count":3})";

// Replaces one value somewhere in a document, which keeps the syntax and so gets deeper.
void spoil(Json& value, fuzz::Random& random, int depth = 0) {
  static const Json kValues[] = {nullptr,
                                 -1,
                                 0,
                                 70000,
                                 int64_t{1} << 40,
                                 1.5,
                                 true,
                                 "",
                                 "a",
                                 "-",
                                 "/..",
                                 "1Gi",
                                 "Always",
                                 Json(std::string(300, 'x')),
                                 boost::json::array(),
                                 boost::json::object(),
                                 boost::json::array{nullptr},
                                 boost::json::object{{"name", "a"}}};
  if (auto* object = value.if_object();
      object != nullptr && !object->empty() && random.below(8) + static_cast<size_t>(depth) < 10) {
    auto it = object->begin() + static_cast<std::ptrdiff_t>(random.below(object->size()));
    if (random.below(40) == 0) {
      object->erase(it);
      return;
    }
    return spoil(it->value(), random, depth + 1);
  }
  if (auto* array = value.if_array(); array != nullptr && !array->empty() && random.below(6) != 0) {
    if (random.below(10) == 0) {
      Json copy = (*array)[random.below(array->size())];
      array->push_back(std::move(copy));
      return;
    }
    return spoil((*array)[random.below(array->size())], random, depth + 1);
  }
  value = kValues[random.below(std::size(kValues))];
}

void expect_round_trip(const Kind& kind, const Json& document) {
  std::string json = encode_json(*kind.message, document);
  auto again = decode(*kind.message, Media::kJson, json);
  ASSERT_TRUE(again.ok()) << again.error().message() << "\n" << json;
  ASSERT_EQ(encode_json(*kind.message, *again), json);
  auto bytes = encode_protobuf(*kind.message, document);
  if (!bytes) return;  // a value that protobuf cannot hold
  auto back = decode(*kind.message, Media::kProtobuf, wrap_protobuf(kind.api_version(), kind.kind, *bytes));
  ASSERT_TRUE(back.ok()) << back.error().message() << "\n" << json;
  auto bytes_again = encode_protobuf(*kind.message, *back);
  ASSERT_TRUE(bytes_again.ok());
  ASSERT_EQ(*bytes_again, *bytes) << json;
}

// All that the server does with a body. True when it got past decoding.
bool digest(const Kind& kind, Media media, std::string_view bytes) {
  const fuzz::Bounded bounded(bytes.size());
  std::vector<std::string> problems;
  DecodeOptions options;
  options.problems = &problems;
  (void)peek_type(media, bytes);
  auto document = decode(*kind.message, media, bytes, options);
  if (!document) {
    EXPECT_GE(document.error().code(), 400);
    EXPECT_LT(document.error().code(), 500) << document.error().message();
    return false;
  }
  expect_round_trip(kind, *document);
  Json defaulted = *document;
  EXPECT_TRUE(apply_defaults(kind, defaulted).ok());
  Status status = invalid_status(kind, "x", validate(kind, defaulted));
  EXPECT_FALSE(status.message().empty());
  (void)validate(kind, defaulted, &*document);
  expect_round_trip(kind, defaulted);
  return true;
}

struct Seed {
  const Kind& kind;
  std::string json, yaml, protobuf;
};

std::vector<Seed> seeds() {
  std::vector<Seed> out;
  auto add = [&](const Kind& kind, std::string_view json) {
    Json document = testing::document(kind, json);
    auto bytes = encode_protobuf(*kind.message, document);
    EXPECT_TRUE(bytes.ok());
    out.push_back({kind, std::string(json), to_yaml(document), wrap_protobuf(kind.api_version(), kind.kind, *bytes)});
  };
  add(testing::pod_kind(), testing::kSamplePod);
  add(testing::deployment_kind(), kDeployment);
  add(testing::kind("", "Secret"), kSecret);
  add(testing::kind("", "Event"), kEvent);
  return out;
}

class DecodeFuzz : public ::testing::Test {
 protected:
  static constexpr uint64_t kRounds = 1500;
  fuzz::Random random_{fuzz::seed()};
  std::vector<Seed> seeds_ = seeds();

  void run(Media media, const std::string Seed::*text) {
    for (fuzz::Rounds rounds(kRounds); rounds.next();) {
      const Seed& seed = random_.pick(seeds_);
      std::string input = random_.mutated(seed.*text);
      SCOPED_TRACE(seed.kind.kind + " round " + std::to_string(rounds.count()));
      digest(seed.kind, media, input);
    }
  }
};

TEST_F(DecodeFuzz, Json) { run(Media::kJson, &Seed::json); }
TEST_F(DecodeFuzz, Yaml) { run(Media::kYaml, &Seed::yaml); }
TEST_F(DecodeFuzz, Protobuf) { run(Media::kProtobuf, &Seed::protobuf); }

TEST_F(DecodeFuzz, WellFormedJsonWithWrongValues) {
  uint64_t taken = 0;
  fuzz::Rounds rounds(kRounds);
  while (rounds.next()) {
    const Seed& seed = random_.pick(seeds_);
    auto document = parse_json(seed.json);
    ASSERT_TRUE(document.ok());
    const Json before = *document;
    for (size_t k = 0, times = 1 + random_.below(3); k < times; ++k) spoil(*document, random_);
    // Rules must stand documents that no decoder has seen, too.
    (void)validate(seed.kind, *document);
    (void)validate(seed.kind, *document, &before);
    (void)validate(seed.kind, before, &*document);
    SCOPED_TRACE(seed.kind.kind + " round " + std::to_string(rounds.count()));
    if (digest(seed.kind, Media::kJson, boost::json::serialize(*document))) ++taken;
  }
  EXPECT_GT(taken, rounds.count() / 10) << "the mutations hardly get past decoding";
}

TEST_F(DecodeFuzz, Noise) {
  for (fuzz::Rounds rounds(kRounds); rounds.next();) {
    std::string noise(random_.below(200), '\0');
    for (char& c : noise) c = static_cast<char>(random_.below(256));
    for (Media media : {Media::kJson, Media::kYaml, Media::kProtobuf}) digest(testing::pod_kind(), media, noise);
  }
}

}  // namespace
}  // namespace gantry::schema
