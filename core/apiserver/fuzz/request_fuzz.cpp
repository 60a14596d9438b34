// Random and mutated requests through the whole API server: every one gets exactly one answer that makes sense, and the
// server works as before afterwards.
//
// The same seed gives the same requests. GANTRY_FUZZ_SEED and GANTRY_FUZZ_ITERATIONS override the defaults.
#include <map>
#include <random>

#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

constexpr uint64_t kSeed = 20'240'229;
constexpr int kIterations = 4'000;
constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = ::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Makes requests out of parts that the server knows, and breaks some of them.
class Generator {
 public:
  explicit Generator(const schema::Schema& schema, uint64_t seed) : schema_(schema), random_(seed) {}

  http::Request next() {
    http::Request request;
    request.identity.user = chance(50) ? "system:anonymous" : "fuzz";
    verb_ = pick({"GET", "GET", "POST", "POST", "PUT", "PATCH", "DELETE"});
    request.method = chance(15) ? pick({"HEAD", "OPTIONS", "BREW", "", "PUT", "POST", "get"}) : verb_;
    request.path = path();
    request.query = query();
    if (chance(2)) {
      request.headers.emplace_back("accept", chance(6)
                                                 ? pick({"text/html", ";;q=0,,=", "application/json;q=0"})
                                                 : pick({"application/json", "application/yaml", "*/*", kProtobuf,
                                                         "application/json;as=Table;v=v1;g=meta.k8s.io",
                                                         "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
                                                         "application/vnd.kubernetes.protobuf;as="
                                                         "PartialObjectMetadataList;v=v1;g=meta.k8s.io"}));
    }
    request.body = body(request);
    return request;
  }

 private:
  bool chance(uint32_t one_in) { return random_() % one_in == 0; }
  std::string pick(std::initializer_list<std::string_view> choices) {
    return std::string(*(choices.begin() + random_() % choices.size()));
  }
  std::string garbage(size_t limit) {
    std::string out(random_() % (limit + 1), '\0');
    for (char& c : out) c = static_cast<char>(random_());
    return out;
  }
  std::string mutated(std::string text) {
    for (uint64_t rounds = 1 + random_() % 4; rounds > 0 && !text.empty(); --rounds) {
      const size_t at = random_() % text.size();
      switch (random_() % 5) {
        case 0:
          text[at] = static_cast<char>(random_());
          break;
        case 1:
          text.erase(at, 1 + random_() % 8);
          break;
        case 2:
          text.insert(at, garbage(6));
          break;
        case 3:
          text.resize(at);
          break;
        default:
          text.insert(at, text.substr(at, 1 + random_() % 40));
          break;
      }
    }
    return text;
  }

  // Still JSON, but something in it is of another type, gone or empty.
  std::string reshaped(const std::string& text) {
    boost::system::error_code problem;
    auto document = boost::json::parse(text, problem);
    if (problem) return text;
    for (uint64_t rounds = 1 + random_() % 3; rounds > 0; --rounds) reshape(document);
    return boost::json::serialize(document);
  }
  void reshape(Json& value) {
    if (auto* object = value.if_object(); object != nullptr && !object->empty() && !chance(6)) {
      auto at = object->begin() + static_cast<std::ptrdiff_t>(random_() % object->size());
      if (chance(8)) {
        object->erase(at);
      } else {
        reshape(at->value());
      }
      return;
    }
    if (auto* array = value.if_array(); array != nullptr && !array->empty() && !chance(6)) {
      if (chance(8)) array->push_back(array->front());
      return reshape((*array)[random_() % array->size()]);
    }
    switch (random_() % 9) {
      case 0:
        value = nullptr;
        break;
      case 1:
        value = -1;
        break;
      case 2:
        value = 9.5e300;
        break;
      case 3:
        value = "";
        break;
      case 4:
        value = JsonArray{nullptr, JsonObject()};
        break;
      case 5:
        value = JsonObject{{"", JsonObject()}, {"name", 1}};
        break;
      case 6:
        value = true;
        break;
      case 7:
        value = "a/b=c,\xc3\xa9";
        break;
      default:
        value = int64_t{1} << 62;
        break;
    }
  }
  std::string maybe_mutated(std::string text) {
    return chance(3) ? mutated(std::move(text)) : chance(2) ? reshaped(text) : text;
  }

  std::string path() {
    if (chance(12)) {
      return maybe_mutated(
          pick({"/", "/api", "/apis", "/api/v1", "/apis/apps", "/apis/apps/v1", "/version", "/healthz", "/readyz",
                "/livez", "/openapi/v2", "/openapi/v3", "/openapi/v3/apis/apps/v1", "/metrics"}));
    }
    const auto& kinds = schema_.kinds();
    kind_ = kinds[random_() % kinds.size()];
    std::string out = (kind_->group.empty() ? "/api/" : "/apis/") + kind_->api_version();
    if (kind_->namespaced != chance(30)) {
      out += "/namespaces/" + (chance(8) ? pick({"kube-system", "none", "a%20b", "%", "%ff"}) : std::string("default"));
    }
    out += "/" + kind_->plural;
    const bool collection = verb_ == "POST" || (verb_ == "GET" && chance(2)) || chance(10);
    if (collection && !chance(10)) return chance(20) ? mutated(out) : out;
    out += "/" + name();
    if (chance(4)) {
      const auto& subs = kind_->subresources;
      out += "/" + (subs.empty() || chance(4) ? pick({"status", "scale", "attach", "proxy", "log", "binding"})
                                              : subs[random_() % subs.size()].name);
    }
    return chance(20) ? mutated(out) : out;
  }

  std::string name() {
    name_ = chance(12) ? pick({"UPPER", "a%2fb", "%00", "x..y"}) : pick({"one", "two", "three", "x.y"});
    return name_;
  }

  std::string query() {
    std::string out;
    while (chance(3) && out.size() < 200) {
      if (!out.empty()) out += '&';
      out += pick({"labelSelector",
                   "fieldSelector",
                   "limit",
                   "continue",
                   "resourceVersion",
                   "resourceVersionMatch",
                   "watch",
                   "timeoutSeconds",
                   "allowWatchBookmarks",
                   "sendInitialEvents",
                   "dryRun",
                   "fieldValidation",
                   "propagationPolicy",
                   "gracePeriodSeconds",
                   "orphanDependents",
                   "container",
                   "tailLines",
                   "follow",
                   "command",
                   "stdout",
                   "includeObject",
                   "pretty",
                   "force",
                   "fieldManager"});
      out += "=" + pick({"",
                         "1",
                         "true",
                         "false",
                         "-1",
                         "All",
                         "Strict",
                         "Warn",
                         "Foreground",
                         "a=b",
                         "a%20in%20(b,c)",
                         "metadata.name=one",
                         "!x",
                         "a%3Db%2C%2C",
                         "99999999999999999999",
                         "NotOlderThan",
                         "Exact",
                         "0",
                         "%zz",
                         "x"});
    }
    return chance(8) ? mutated(out) : out;
  }

  std::string body(http::Request& request) {
    if (request.method == "GET" || request.method == "HEAD") return chance(20) ? garbage(64) : "";
    if (chance(15)) return garbage(512);
    if (request.method == "PATCH") {
      request.headers.emplace_back("content-type",
                                   pick({"application/merge-patch+json", "application/strategic-merge-patch+json",
                                         "application/json-patch+json", "application/apply-patch+yaml", "text/plain"}));
      return maybe_mutated(
          pick({R"({"spec":{"replicas":5}})", R"({"metadata":{"labels":{"a":"b"},"finalizers":["x/y"]}})",
                R"([{"op":"add","path":"/metadata/labels","value":{"a":"b"}}])",
                R"([{"op":"remove","path":"/spec"},{"op":"copy","from":"/metadata","path":"/metadata/x"}])",
                R"({"spec":{"template":{"spec":{"containers":[{"name":"c","$patch":"delete"}]}}}})",
                R"({"$patch":"replace","metadata":null})", R"({"status":{"conditions":[{"type":"T"}]}})"}));
    }
    if (request.method == "DELETE") {
      return maybe_mutated(pick({"", R"({"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Orphan"})",
                                 R"({"gracePeriodSeconds":0,"preconditions":{"uid":"x"}})"}));
    }
    const auto text = document();
    return encoded(request, chance(4) ? mutated(text) : chance(2) ? reshaped(text) : text);
  }

  // As one of the media types where it can still be read, else as it is.
  std::string encoded(http::Request& request, const std::string& json) {
    const auto type = chance(12) ? std::string("text/plain")
                                 : pick({"application/json", "application/json", "application/yaml", kProtobuf, ""});
    if (!type.empty()) request.headers.emplace_back("content-type", type);
    if (type.find("protobuf") == std::string::npos || kind_ == nullptr) return json;
    auto read = schema::decode(*kind_->message, schema::Media::kJson, json);
    if (!read) return json;
    auto raw = schema::encode_protobuf(*kind_->message, *read);
    if (!raw) return json;
    auto bytes = schema::wrap_protobuf(kind_->api_version(), kind_->kind, *raw);
    return chance(2) ? mutated(std::move(bytes)) : bytes;
  }

  std::string document() {
    const std::string known =
        verb_ == "PUT" && !name_.empty() && !chance(6) ? name_ : pick({"one", "two", "three", "x.y"});
    std::string head = R"({"metadata":{"name":")" + known + R"(","labels":{"a":"b"}})";
    if (verb_ == "POST" && chance(2)) head = R"({"metadata":{"generateName":"gen-"})";
    const std::string pod =
        R"({"containers":[{"name":"c","image":"i:1","ports":[{"containerPort":80}],)"
        R"("resources":{"requests":{"cpu":"100m","memory":"1Gi"}}}],"volumes":[{"name":"v","emptyDir":{}}]})";
    const std::string workload = R"("spec":{"replicas":2,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":)"
                                 R"({"labels":{"a":"b"}},"spec":)" +
                                 pod + "}}";
    if (kind_ == nullptr) return head + "}";
    if (kind_->kind == "Pod") return head + R"(,"spec":)" + pod + "}";
    if (kind_->kind == "Deployment" || kind_->kind == "ReplicaSet") return head + "," + workload + "}";
    if (kind_->kind == "ConfigMap") return head + R"(,"data":{"k":"v"},"binaryData":{"b":"AAEC"}})";
    if (kind_->kind == "Secret") return head + R"(,"type":"Opaque","stringData":{"k":"v"}})";
    if (kind_->kind == "Binding") return head + R"(,"target":{"kind":"Node","name":"n"}})";
    return head + R"(,"spec":{},"status":{}})";
  }

  const schema::Schema& schema_;
  std::mt19937_64 random_;
  const schema::Kind* kind_ = nullptr;
  std::string verb_, name_;
};

std::string shown(const http::Request& request) {
  std::string out = request.method + " " + request.path + "?" + request.query;
  for (const auto& [name, value] : request.headers) out += "\n" + name + ": " + value;
  return out + "\n\n" + request.body;
}

class RequestFuzz : public ServerTest {
 protected:
  std::shared_ptr<FakeExchange> send(http::Request request) {
    auto exchange = std::make_shared<FakeExchange>();
    server_->handle(std::move(request), exchange);
    return exchange;
  }

  void check(const http::Request& request) {
    auto exchange = send(request);
    ASSERT_TRUE(exchange->wait_answer()) << shown(request);
    EXPECT_EQ(exchange->answers(), 1) << shown(request);
    if (auto stream = exchange->stream()) return stream->disconnect();
    const int code = exchange->code();
    ++answers_[code];
    EXPECT_TRUE(code >= 200 && code < 600) << code;
    // Upstream calls an unknown $patch directive an internal error, and so do we.
    const bool directive = exchange->body().find("unknown patch type: ") != std::string::npos;
    EXPECT_TRUE(code != 500 || directive) << shown(request) << "\n" << exchange->body();
    if (code < 400 || exchange->response().content_type != "application/json" || request.path.ends_with("z")) return;
    boost::system::error_code problem;
    const auto body = boost::json::parse(exchange->body(), problem);
    ASSERT_FALSE(problem) << shown(request) << "\n" << exchange->body();
    EXPECT_EQ(text_at(body, {"kind"}), "Status") << shown(request);
    EXPECT_EQ(int_at(body, {"code"}), code) << shown(request);
  }

  // What came with a write is what a reader would have derived from the stored bytes.
  void check_forms() {
    size_t came_along = 0;
    const auto all = store_->list("/");
    ASSERT_TRUE(all.ok());
    for (const auto& entry : all->entries) {
      const auto* kind = kind_of(entry->key);
      if (kind == nullptr) continue;
      came_along += entry->derived[1].load() != nullptr ? 1 : 0;
      store::Entry anew;
      anew.key = entry->key;
      anew.value = entry->value;
      EXPECT_EQ(protobuf(*kind, *entry).bytes, protobuf(*kind, anew).bytes) << entry->key << "\n" << entry->value;
      EXPECT_EQ(protobuf(*kind, *entry).heads, protobuf(*kind, anew).heads) << entry->key;
      EXPECT_TRUE(attributes(*kind, *entry) == attributes(*kind, anew)) << entry->key;
    }
    EXPECT_GT(came_along, 10U);
  }
  const schema::Kind* kind_of(std::string_view key) const {
    const auto schema = schemas_->now();
    for (const auto* kind : schema->kinds()) {
      if (key.starts_with("/" + kind->group + "/" + kind->plural + "/")) return kind;
    }
    return nullptr;
  }

  std::map<int, int> answers_;  // by code
};

TEST_F(RequestFuzz, EveryRequestGetsOneAnswer) {
  const auto schema = schemas_->now();
  Generator generator(*schema, from_environment("GANTRY_FUZZ_SEED", kSeed));
  const auto count = from_environment("GANTRY_FUZZ_ITERATIONS", kIterations);
  for (uint64_t i = 0; i < count; ++i) {
    ASSERT_NO_FATAL_FAILURE(check(generator.next())) << "request " << i;
    if (HasFailure()) FAIL() << "request " << i;
  }
  std::string counts;
  for (const auto& [code, times] : answers_) counts += " " + std::to_string(code) + ":" + std::to_string(times);
  // A generator that is refused at the door tests nothing.
  EXPECT_GT(answers_[200] + answers_[201], static_cast<int>(count / 10)) << counts;
  EXPECT_GT(answers_[201], 0) << counts;
  RecordProperty("codes", counts);
  check_forms();
  made(kMaps, config_map("after-all"));
}

}  // namespace
}  // namespace gantry::apiserver
