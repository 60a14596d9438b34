// The life of objects through the in-process client: made, read, listed, watched, changed, deleted.
#include "core/apiserver/test_server.hpp"
#include "core/client/client.hpp"
#include "k8s.io/api/core/v1/config.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::apiserver {
namespace {

namespace core = k8s::io::api::core::v1;
const client::ResourceRef kConfigMaps{"", "v1", "configmaps"};

class ObjectsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    client_ = client::make_local_client(*server_, {"system:test", {"system:authenticated"}, {}});
  }
  void TearDown() override {
    client_.reset();
    ServerTest::TearDown();
  }
  static std::string config(const std::string& name, const std::string& value, const std::string& version = {}) {
    core::ConfigMap map;
    map.mutable_metadata()->set_name(name);
    if (!version.empty()) map.mutable_metadata()->set_resource_version(version);
    (*map.mutable_data())["k"] = value;
    return map.SerializeAsString();
  }
  std::unique_ptr<client::Client> client_;
};

class Events : public Waitable {
 public:
  client::WatchHandler handler() {
    return {[this](client::WatchEvent event) {
              core::ConfigMap map;
              map.ParseFromArray(event.object.bytes.data(), static_cast<int>(event.object.bytes.size()));
              constexpr const char* kNames[] = {"ADDED", "MODIFIED", "DELETED", "BOOKMARK"};
              change([&] {
                log_.push_back(std::string(kNames[static_cast<int>(event.type)]) + " " + map.metadata().name() + " " +
                               (map.data().contains("k") ? map.data().at("k") : ""));
              });
            },
            [this](Status why) { change([&] { ended_ = why; }); }};
  }
  bool wait_for(size_t count) {
    return wait([&] { return log_.size() >= count; });
  }
  bool wait_end() {
    return wait([&] { return ended_.has_value(); });
  }
  std::vector<std::string> log() {
    std::lock_guard lock(mutex_);
    return log_;
  }
  Status ended() {
    std::lock_guard lock(mutex_);
    return ended_.value_or(Status());
  }

 private:
  std::vector<std::string> log_;
  std::optional<Status> ended_;
};

TEST_F(ObjectsTest, LiveTheirLifeInProcess) {
  auto created = client::parse_object<core::ConfigMap>(
      client_->call(client::create_request(kConfigMaps, "default", config("a", "1"))));
  ASSERT_TRUE(created.ok()) << created.error().message();
  EXPECT_EQ(created->metadata().name(), "a");
  EXPECT_EQ(created->metadata().namespace_(), "default");
  EXPECT_EQ(created->metadata().uid().size(), 36U);
  EXPECT_FALSE(created->metadata().resource_version().empty());
  EXPECT_EQ(created->metadata().creation_timestamp().seconds(), 1'700'000'000);

  Events events;
  auto watch = client_->watch({"", "v1", "configmaps", "default", "", "", "", false}, events.handler());
  ASSERT_TRUE(events.wait_for(1));

  auto updated = client::parse_object<core::ConfigMap>(client_->call(
      client::update_request(kConfigMaps, "default", "a", config("a", "2", created->metadata().resource_version()))));
  ASSERT_TRUE(updated.ok()) << updated.error().message();
  EXPECT_GT(std::stoll(updated->metadata().resource_version()), std::stoll(created->metadata().resource_version()));
  EXPECT_EQ(updated->metadata().uid(), created->metadata().uid());

  auto stale = client_->call(
      client::update_request(kConfigMaps, "default", "a", config("a", "3", created->metadata().resource_version())));
  ASSERT_FALSE(stale.ok());
  EXPECT_EQ(stale.error().code(), 409);
  EXPECT_EQ(stale.error().reason(), "Conflict");

  auto read = client::parse_object<core::ConfigMap>(client_->call(client::get_request(kConfigMaps, "default", "a")));
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->data().at("k"), "2");

  auto patched = client::parse_object<core::ConfigMap>(client_->call(
      client::patch_request(kConfigMaps, "default", "a", R"({"data":{"k":"4"}})", client::ApiRequest::MERGE_PATCH)));
  ASSERT_TRUE(patched.ok()) << patched.error().message();
  EXPECT_EQ(patched->data().at("k"), "4");

  ASSERT_TRUE(client_->call(client::delete_request(kConfigMaps, "default", "a")).ok());
  EXPECT_EQ(client_->call(client::get_request(kConfigMaps, "default", "a")).error().reason(), "NotFound");
  ASSERT_TRUE(events.wait_for(4));
  EXPECT_EQ(events.log(), (std::vector<std::string>{"ADDED a 1", "MODIFIED a 2", "MODIFIED a 4", "DELETED a 4"}));
}

TEST_F(ObjectsTest, ListsAreTheStoredBuffers) {
  for (const std::string name : {"b", "a"}) {
    ASSERT_TRUE(client_->call(client::create_request(kConfigMaps, "default", config(name, "1"))).ok());
  }
  std::vector<client::Client::List> lists;
  for (int i = 0; i < 2; ++i) {
    client_->list({"", "v1", "configmaps", "", "", "", "", false}, [&](Expected<client::Client::List> list) {
      ASSERT_TRUE(list.ok());
      lists.push_back(std::move(*list));
    });
  }
  ASSERT_EQ(lists.size(), 2U);
  ASSERT_EQ(lists[0].objects.size(), 2U);
  core::ConfigMap first;
  const auto& object = lists[0].objects[0];
  ASSERT_TRUE(first.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size())));
  EXPECT_EQ(first.metadata().name(), "a");
  EXPECT_EQ(object.bytes.data(), lists[1].objects[0].bytes.data());
  EXPECT_EQ(lists[0].resource_version, std::to_string(store_->revision()));
}

TEST_F(ObjectsTest, PodsGetWhatUpstreamGivesThem) {
  const auto answer = made(kPods, pod("p"));
  const auto document = answer.json();
  EXPECT_EQ(text_at(document, {"status", "phase"}), "Pending");
  EXPECT_EQ(text_at(document, {"status", "qosClass"}), "BestEffort");
  EXPECT_EQ(text_at(document, {"spec", "restartPolicy"}), "Always");
  EXPECT_EQ(text_at(document, {"spec", "serviceAccountName"}), "default");
  EXPECT_EQ(int_at(document, {"spec", "terminationGracePeriodSeconds"}), 30);
  EXPECT_EQ(find(document, {"spec", "tolerations"})->as_array().size(), 2U);
}

TEST_F(ObjectsTest, TheFirstNamespacesAreThereAndSurvive) {
  for (const std::string name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    const auto answer = ask("GET", "/api/v1/namespaces/" + name);
    EXPECT_EQ(answer.code, 200);
    EXPECT_EQ(answer.text({"status", "phase"}), "Active");
    EXPECT_EQ(answer.text({"metadata", "labels", "kubernetes.io/metadata.name"}), name);
  }
  made(kMaps, config_map("kept"));
  const auto before = ask("GET", "/api/v1/namespaces/default").body;
  close();
  open();
  EXPECT_EQ(ask("GET", "/api/v1/namespaces/default").body, before);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "/kept").code, 200);
}

TEST_F(ObjectsTest, StoppingEndsWatches) {
  Events events;
  auto watch = client_->watch({"", "v1", "configmaps", "", "", "", "", false}, events.handler());
  server_->stop();
  EXPECT_TRUE(events.wait_end());
  EXPECT_TRUE(events.ended().ok());
  EXPECT_EQ(ask("GET", kMaps).code, 503);
  EXPECT_EQ(ask("GET", "/readyz").code, 500);
  EXPECT_EQ(ask("GET", "/livez").code, 200);
}

}  // namespace
}  // namespace gantry::apiserver
