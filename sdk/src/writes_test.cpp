#include "gantry/writes.hpp"

#include <gtest/gtest.h>

#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/core/v1/config.pb.h"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::sdk {
namespace {

using abi::ApiRequest;
using testkit::ScriptedHost;

struct WritesTest : testing::Test {
  WritesTest() {
    auto& meta = *object.mutable_metadata();
    meta.set_namespace_("shop");
    meta.set_name("front");
    meta.set_uid("u1");
    meta.set_resource_version("7");
    meta.add_finalizers("other/one");
    scripted.api = [this](const ApiRequest& request) -> ScriptedHost::Answer {
      if (!stored) return Status::not_found("configmaps \"front\" not found");
      if (request.verb() == ApiRequest::GET) return ScriptedHost::answer(*stored);
      if (!refusal.ok()) return refusal;
      return ScriptedHost::answer(*stored);
    };
  }
  ScriptedHost scripted;
  Host host{&scripted.host};
  corev1::ConfigMap object;
  std::optional<corev1::ConfigMap> stored;
  Status refusal;
};

TEST_F(WritesTest, AFinalizerIsAddedOnce) {
  stored = object;
  ASSERT_TRUE(add_finalizer(host, object, "demo/clean"));
  ASSERT_EQ(scripted.requests.size(), 1U);
  EXPECT_EQ(scripted.requests[0].verb(), ApiRequest::PATCH);
  EXPECT_EQ(scripted.requests[0].body(),
            R"({"metadata":{"finalizers":["other/one","demo/clean"],"resourceVersion":"7","uid":"u1"}})");
  object.mutable_metadata()->add_finalizers("demo/clean");
  ASSERT_TRUE(add_finalizer(host, object, "demo/clean"));
  EXPECT_EQ(scripted.requests.size(), 1U);
}

TEST_F(WritesTest, AFinalizerIsRemovedAloneAndOnlyIfThere) {
  stored = object;
  EXPECT_TRUE(remove_finalizer(host, object, "demo/clean").ok());
  EXPECT_TRUE(scripted.requests.empty());
  object.mutable_metadata()->add_finalizers("demo/clean");
  EXPECT_TRUE(remove_finalizer(host, object, "demo/clean").ok());
  EXPECT_EQ(scripted.requests.at(0).body(),
            R"({"metadata":{"finalizers":["other/one"],"resourceVersion":"7","uid":"u1"}})");
  refusal = Status::conflict("newer");
  EXPECT_EQ(remove_finalizer(host, object, "demo/clean").code(), 409);
  stored.reset();
  EXPECT_TRUE(remove_finalizer(host, object, "demo/clean").ok()) << "gone is as wanted";
}

TEST_F(WritesTest, ANameIsQuoted) {
  stored = object;
  ASSERT_TRUE(add_finalizer(host, object, "a\",\"b"));
  EXPECT_EQ(scripted.requests.at(0).body(),
            R"({"metadata":{"finalizers":["other/one","a\",\"b"],"resourceVersion":"7","uid":"u1"}})");
}

struct StatusTest : testing::Test {
  StatusTest() {
    set.mutable_metadata()->set_name("web");
    set.mutable_metadata()->set_uid("u1");
    set.mutable_metadata()->set_resource_version("7");
    stored = set;
    stored->mutable_metadata()->set_resource_version("8");
    scripted.api = [this](const ApiRequest& request) -> ScriptedHost::Answer {
      if (!stored) return Status::not_found("none");
      if (request.verb() == ApiRequest::GET) return ScriptedHost::answer(*stored);
      appsv1::ReplicaSet sent;
      sent.ParseFromString(request.body());
      if (sent.metadata().resource_version() != stored->metadata().resource_version() || stubborn) {
        return Status::conflict("newer");
      }
      *stored->mutable_status() = sent.status();
      return ScriptedHost::answer(*stored);
    };
    status.set_replicas(3);
  }
  Status run() { return write_status(Host(&scripted.host), set, status); }

  ScriptedHost scripted;
  appsv1::ReplicaSet set;
  appsv1::ReplicaSetStatus status;
  std::optional<appsv1::ReplicaSet> stored;
  bool stubborn = false;
};

TEST_F(StatusTest, IsWrittenOnceMoreWhenSomebodyWasFaster) {
  EXPECT_TRUE(run().ok());
  EXPECT_EQ(scripted.requests.size(), 3U);
  EXPECT_EQ(scripted.requests.back().subresource(), "status");
  EXPECT_EQ(stored->status().replicas(), 3);
  set = *stored;
  EXPECT_TRUE(run().ok());
  EXPECT_EQ(scripted.requests.size(), 4U) << "at once when nobody was";
}

TEST_F(StatusTest, NotOnAnotherObjectOfTheName) {
  stored->mutable_metadata()->set_uid("u2");
  EXPECT_TRUE(run().ok());
  EXPECT_EQ(stored->status().replicas(), 0);
}

TEST_F(StatusTest, EndsAfterTheSecondConflictAndWithTheObject) {
  stubborn = true;
  EXPECT_EQ(run().code(), 409);
  EXPECT_EQ(scripted.requests.size(), 3U);
  stored.reset();
  EXPECT_TRUE(run().ok());
}

struct CreateOrUpdate : WritesTest {
  Expected<Written> run(const std::string& colour) {
    return create_or_update<corev1::ConfigMap>(host, "shop", "front", [&](corev1::ConfigMap& wanted) -> Status {
      (*wanted.mutable_data())["colour"] = colour;
      return {};
    });
  }
};

TEST_F(CreateOrUpdate, CreatesWhatIsNotThere) {
  scripted.api = [](const ApiRequest& request) -> ScriptedHost::Answer {
    if (request.verb() == ApiRequest::GET) return Status::not_found("none");
    abi::ApiResponse response;
    response.set_code(201);
    response.add_objects(request.body());
    return response;
  };
  const auto done = run("red");
  ASSERT_TRUE(done);
  EXPECT_EQ(*done, Written::kCreated);
  corev1::ConfigMap made;
  ASSERT_TRUE(made.ParseFromString(scripted.requests.at(1).body()));
  EXPECT_EQ(scripted.requests[1].verb(), ApiRequest::CREATE);
  EXPECT_EQ(made.metadata().name(), "front");
  EXPECT_EQ(made.data().at("colour"), "red");
}

TEST_F(CreateOrUpdate, WritesOnlyWhatDiffers) {
  for (const char* key : {"a", "b", "c", "d"}) (*object.mutable_data())[key] = "x";
  (*object.mutable_data())["colour"] = "red";
  stored = object;
  EXPECT_EQ(*run("red"), Written::kUnchanged);
  EXPECT_EQ(scripted.requests.size(), 1U);
  EXPECT_EQ(*run("blue"), Written::kUpdated);
  EXPECT_EQ(scripted.requests.back().verb(), ApiRequest::UPDATE);
  corev1::ConfigMap written;
  ASSERT_TRUE(written.ParseFromString(scripted.requests.back().body()));
  EXPECT_EQ(written.metadata().resource_version(), "7") << "so that somebody else's write in between is a conflict";
  EXPECT_EQ(written.data().size(), 5U);
}

TEST_F(CreateOrUpdate, AFailureOfTheFunctionWritesNothing) {
  stored = object;
  const auto failed = create_or_update<corev1::ConfigMap>(
      host, "shop", "front", [](corev1::ConfigMap&) { return Status::invalid("not mine"); });
  EXPECT_EQ(failed.error().message(), "not mine");
  const auto renamed = create_or_update<corev1::ConfigMap>(host, "shop", "front", [](corev1::ConfigMap& wanted) {
    wanted.mutable_metadata()->set_name("back");
    return Status();
  });
  EXPECT_FALSE(renamed);
  EXPECT_EQ(scripted.requests.size(), 2U) << "two reads";
}

}  // namespace
}  // namespace gantry::sdk
