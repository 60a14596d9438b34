// What clients find the API by: the forms of the lists, negotiation, conditional requests, documents made once.
#include "core/apiserver/discovery/discovery.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <thread>

#include "core/apiserver/discovery/lists.hpp"
#include "core/apiserver/fake_exchange.hpp"
#include "core/kinds/kinds.hpp"
#include "core/schema/codec/codec.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/discovery.pb.h"

namespace gantry::apiserver {
namespace {

namespace meta = k8s::io::apimachinery::pkg::apis::meta::v1;

class DiscoveryTest : public ::testing::Test {
 protected:
  DiscoveryTest() {
    auto built = schema::Registry::create(kinds::all());
    EXPECT_TRUE(built.ok());
    schemas_ = *std::move(built);
    options_.git_version = "v1.36.2+gantry-0.1";
    options_.git_commit = "abc";
    options_.post = [this](std::function<void()> work) {
      ++posted_;
      work();
    };
    discovery_ = std::make_unique<Discovery>(*schemas_, options_);
  }
  std::shared_ptr<FakeExchange> ask(std::string path, http::Headers headers = {}, std::string method = "GET",
                                    std::string query = {}) {
    http::Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    request.query = std::move(query);
    request.headers = std::move(headers);
    auto exchange = std::make_shared<FakeExchange>();
    owned_ = discovery_->handle(request, exchange);
    return exchange;
  }
  Json json(const std::string& path, http::Headers headers = {}) {
    auto exchange = ask(path, std::move(headers));
    EXPECT_TRUE(owned_) << path;
    EXPECT_EQ(exchange->code(), 200) << path;
    return boost::json::parse(exchange->body());
  }
  template <typename Message>
  Message protobuf(const std::string& path) {
    auto exchange = ask(path, {{"accept", "application/vnd.kubernetes.protobuf"}});
    EXPECT_EQ(exchange->response().content_type, "application/vnd.kubernetes.protobuf");
    const std::string body = exchange->body();
    auto envelope = schema::unwrap_protobuf(body);
    EXPECT_TRUE(envelope.ok());
    Message message;
    EXPECT_TRUE(envelope && message.ParseFromString(std::string(envelope->raw)));
    return message;
  }

  std::unique_ptr<schema::Registry> schemas_;
  Options options_;
  std::unique_ptr<Discovery> discovery_;
  bool owned_ = false;
  std::atomic<int> posted_{0};
};

const Json* resource_named(const Json& list, std::string_view name) {
  for (const auto& item : find(list, {"resources"})->as_array()) {
    if (text_at(item, {"name"}) == name) return &item;
  }
  return nullptr;
}

TEST_F(DiscoveryTest, CoreResourcesAsUpstreamListsThem) {
  const Json list = json("/api/v1");
  EXPECT_EQ(text_at(list, {"kind"}), "APIResourceList");
  EXPECT_EQ(text_at(list, {"groupVersion"}), "v1");
  const Json* pods = resource_named(list, "pods");
  ASSERT_NE(pods, nullptr);
  EXPECT_EQ(boost::json::serialize(*pods),
            R"({"name":"pods","singularName":"pod","namespaced":true,"kind":"Pod","verbs":["create","delete",)"
            R"("deletecollection","get","list","patch","update","watch"],"shortNames":["po"],"categories":["all"],)"
            R"("storageVersionHash":"xPOwRZ+Yhw8="})");
  const Json* log = resource_named(list, "pods/log");
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(boost::json::serialize(*log),
            R"({"name":"pods/log","singularName":"","namespaced":true,"kind":"Pod","verbs":["get"]})");
  const Json* bindings = resource_named(list, "bindings");
  ASSERT_NE(bindings, nullptr);
  EXPECT_EQ(find(*bindings, {"storageVersionHash"}), nullptr);
  EXPECT_EQ(resource_named(list, "deployments"), nullptr);
}

TEST_F(DiscoveryTest, ResourcesAreSorted) {
  const Json list = json("/api/v1");
  std::string last;
  for (const auto& item : find(list, {"resources"})->as_array()) {
    const std::string name(text_at(item, {"name"}));
    EXPECT_LT(last, name);
    last = name;
  }
}

TEST_F(DiscoveryTest, SubresourcesOfAnotherGroupSayWhich) {
  const Json list = json("/apis/apps/v1");
  EXPECT_EQ(text_at(list, {"apiVersion"}), "v1");
  const Json* scale = resource_named(list, "deployments/scale");
  ASSERT_NE(scale, nullptr);
  EXPECT_EQ(text_at(*scale, {"group"}), "autoscaling");
  EXPECT_EQ(text_at(*scale, {"version"}), "v1");
  EXPECT_EQ(text_at(*scale, {"kind"}), "Scale");
}

TEST_F(DiscoveryTest, GroupsWithoutTheCoreGroup) {
  const Json groups = json("/apis");
  EXPECT_EQ(text_at(groups, {"kind"}), "APIGroupList");
  const auto& items = find(groups, {"groups"})->as_array();
  ASSERT_FALSE(items.empty());
  EXPECT_EQ(text_at(items[0], {"name"}), "apps");
  EXPECT_EQ(text_at(items[0], {"preferredVersion", "groupVersion"}), "apps/v1");
  const Json apps = json("/apis/apps");
  EXPECT_EQ(text_at(apps, {"kind"}), "APIGroup");
  EXPECT_EQ(text_at(apps, {"versions"}), "");
  EXPECT_EQ(find(apps, {"versions"})->as_array().size(), 1U);
}

TEST_F(DiscoveryTest, LegacyVersionsNameTheAddressTheClientUsed) {
  const Json versions = json("/api", {{"host", "10.0.0.1:6443"}});
  EXPECT_EQ(text_at(versions, {"kind"}), "APIVersions");
  EXPECT_EQ(find(versions, {"versions"})->as_array()[0].as_string(), "v1");
  const auto& address = find(versions, {"serverAddressByClientCIDRs"})->as_array()[0];
  EXPECT_EQ(text_at(address, {"serverAddress"}), "10.0.0.1:6443");
}

TEST_F(DiscoveryTest, ProtobufOnRequest) {
  const auto groups = protobuf<meta::APIGroupList>("/apis");
  ASSERT_GT(groups.groups_size(), 0);
  EXPECT_EQ(groups.groups(0).versions(0).group_version(), "apps/v1");
  const auto list = protobuf<meta::APIResourceList>("/apis/apps/v1");
  EXPECT_EQ(list.group_version(), "apps/v1");
  bool found = false;
  for (const auto& resource : list.resources()) {
    if (resource.name() != "deployments") continue;
    found = true;
    EXPECT_EQ(resource.verbs().items_size(), 8);
    EXPECT_EQ(resource.short_names(0), "deploy");
    EXPECT_EQ(resource.singular_name(), "deployment");
    EXPECT_TRUE(resource.namespaced());
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(protobuf<meta::APIVersions>("/api").versions(0), "v1");
}

TEST_F(DiscoveryTest, YamlOnRequestAndNothingElse) {
  auto yaml = ask("/apis", {{"accept", "application/yaml"}});
  EXPECT_EQ(yaml->response().content_type, "application/yaml");
  EXPECT_NE(yaml->body().find("kind: APIGroupList"), std::string::npos);
  auto refused = ask("/apis", {{"accept", "image/png"}});
  EXPECT_EQ(refused->code(), 406);
}

constexpr const char* kModernKubectl =
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

TEST_F(DiscoveryTest, AggregatedWhenAsked) {
  auto exchange = ask("/apis", {{"accept", kModernKubectl}});
  EXPECT_EQ(exchange->response().content_type, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  const Json list = boost::json::parse(exchange->body());
  EXPECT_EQ(text_at(list, {"apiVersion"}), "apidiscovery.k8s.io/v2");
  const auto& apps = find(list, {"items"})->as_array()[0];
  EXPECT_EQ(text_at(apps, {"metadata", "name"}), "apps");
  const auto& version = find(apps, {"versions"})->as_array()[0];
  EXPECT_EQ(text_at(version, {"freshness"}), "Current");
  const auto& deployments = find(version, {"resources"})->as_array()[2];  // behind controllerrevisions and daemonsets
  EXPECT_EQ(boost::json::serialize(deployments),
            R"({"resource":"deployments","responseKind":{"group":"apps","version":"v1","kind":"Deployment"},)"
            R"("scope":"Namespaced","singularResource":"deployment","verbs":["create","delete","deletecollection",)"
            R"("get","list","patch","update","watch"],"shortNames":["deploy"],"categories":["all"],"subresources":[)"
            R"({"subresource":"scale","responseKind":{"group":"autoscaling","version":"v1","kind":"Scale"},)"
            R"("verbs":["get","patch","update"]},{"subresource":"status","responseKind":{"group":"apps",)"
            R"("version":"v1","kind":"Deployment"},"verbs":["get","patch","update"]}]})");
}

TEST_F(DiscoveryTest, AggregatedCoreGroupAndTheBetaForm) {
  const Json core = json("/api", {{"accept", kModernKubectl}});
  ASSERT_EQ(find(core, {"items"})->as_array().size(), 1U);
  EXPECT_EQ(text_at(find(core, {"items"})->as_array()[0], {"metadata", "name"}), "");
  const Json beta =
      json("/api", {{"accept", "application/json;v=v2beta1;as=APIGroupDiscoveryList;g=apidiscovery.k8s.io"}});
  EXPECT_EQ(text_at(beta, {"apiVersion"}), "apidiscovery.k8s.io/v2beta1");
}

TEST_F(DiscoveryTest, AggregatedIsAnsweredNotModified) {
  auto first = ask("/apis", {{"accept", kModernKubectl}});
  const std::string etag = first->header("ETag");
  ASSERT_FALSE(etag.empty());
  auto second = ask("/apis", {{"accept", kModernKubectl}, {"if-none-match", etag}});
  EXPECT_EQ(second->code(), 304);
  EXPECT_TRUE(second->body().empty());
  auto other = ask("/apis", {{"accept", kModernKubectl}, {"if-none-match", "\"else\""}});
  EXPECT_EQ(other->code(), 200);
}

TEST(AggregatedVersion, TakesTheFirstThatItKnows) {
  EXPECT_EQ(aggregated_version(kModernKubectl), "v2");
  EXPECT_EQ(aggregated_version("application/json, */*"), "");
  EXPECT_EQ(aggregated_version("application/json," + std::string(kModernKubectl)), "");
  EXPECT_EQ(aggregated_version("application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList"), "");
  EXPECT_EQ(aggregated_version(";;,=;=,"), "");
}

TEST_F(DiscoveryTest, Version) {
  const Json version = json("/version");
  EXPECT_EQ(text_at(version, {"major"}), "1");
  EXPECT_EQ(text_at(version, {"minor"}), "36");
  EXPECT_EQ(text_at(version, {"gitVersion"}), options_.git_version);
  EXPECT_EQ(text_at(version, {"gitCommit"}), "abc");
  EXPECT_TRUE(text_at(version, {"platform"}).starts_with("linux/"));
}

TEST_F(DiscoveryTest, OpenApiV2IsMadeOnceInBothForms) {
  const Json document = json("/openapi/v2");
  EXPECT_EQ(text_at(document, {"swagger"}), "2.0");
  auto again = ask("/openapi/v2");
  EXPECT_EQ(again->code(), 200);
  EXPECT_EQ(posted_, 1);
  auto binary = ask("/openapi/v2", {{"accept", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"}});
  EXPECT_EQ(binary->response().content_type, "application/com.github.proto-openapi.spec.v2.v1.0+protobuf");
  EXPECT_NE(binary->header("ETag"), again->header("ETag"));
  auto unchanged = ask("/openapi/v2", {{"if-none-match", again->header("ETag")}});
  EXPECT_EQ(unchanged->code(), 304);
}

TEST_F(DiscoveryTest, ManyAtOnceGetTheSameDocument) {
  std::vector<std::thread> threads;
  std::vector<std::string> bodies(4);
  for (size_t i = 0; i < bodies.size(); ++i) {
    threads.emplace_back([this, &bodies, i] {
      http::Request request;
      request.method = "GET";
      request.path = "/openapi/v3/apis/apps/v1";
      auto exchange = std::make_shared<FakeExchange>();
      discovery_->handle(request, exchange);
      exchange->wait_answer();
      bodies[i] = exchange->body();
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(bodies[0].empty());
  for (const auto& body : bodies) EXPECT_EQ(body, bodies[0]);
}

TEST_F(DiscoveryTest, EveryAddressOfTheV3IndexIsThere) {
  const Json index = json("/openapi/v3");
  const auto& paths = find(index, {"paths"})->as_object();
  EXPECT_TRUE(paths.contains("api/v1"));
  EXPECT_TRUE(paths.contains("apis/apps/v1"));
  for (const auto& [name, item] : paths) {
    const std::string address(text_at(item, {"serverRelativeURL"}));
    const auto mark = address.find('?');
    auto exchange = ask(address.substr(0, mark), {}, "GET", address.substr(mark + 1));
    EXPECT_TRUE(owned_) << address;
    EXPECT_EQ(exchange->code(), 200);
    EXPECT_NE(exchange->header("Cache-Control").find("immutable"), std::string::npos) << address;
    EXPECT_EQ(text_at(boost::json::parse(exchange->body()), {"openapi"}), "3.0.0");
  }
  auto stale = ask("/openapi/v3/api/v1", {}, "GET", "hash=0000");
  EXPECT_EQ(stale->header("Cache-Control").find("immutable"), std::string::npos);
}

TEST_F(DiscoveryTest, OpenApiV3ComesAsJsonOnly) {
  const std::string binary = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf";
  EXPECT_EQ(ask("/openapi/v3/api/v1", {{"accept", binary}})->code(), 406);
  EXPECT_EQ(ask("/openapi/v3/api/v1", {{"accept", binary + ", application/json"}})->code(), 200);
}

TEST_F(DiscoveryTest, OtherPathsAndMethods) {
  for (const char* path :
       {"/", "", "/healthz", "/apis/none", "/apis/apps/v2", "/api/v1/pods", "/openapi", "/openapi/v3/x"}) {
    auto exchange = ask(path);
    EXPECT_FALSE(owned_) << path;
    EXPECT_EQ(exchange->answers(), 0) << path;
  }
  EXPECT_EQ(ask("/apis/")->code(), 200);
  EXPECT_EQ(ask("/apis", {}, "POST")->code(), 405);
  EXPECT_EQ(ask("/apis", {}, "HEAD")->code(), 200);
}

}  // namespace
}  // namespace gantry::apiserver
