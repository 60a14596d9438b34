// The event recorder through the in-process client against the real server: what it writes is accepted and counted.
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/test_server.hpp"
#include "core/client/client.hpp"
#include "core/client/event_recorder.hpp"
#include "k8s.io/api/core/v1/reference.pb.h"

namespace gantry::apiserver {
namespace {

class EventsTest : public ServerTest {
 protected:
  void SetUp() override {
    ServerTest::SetUp();
    client_ = client::make_local_client(*server_, {.user = "system:test", .groups = {}, .uid = {}});
    recorder_ = std::make_unique<client::EventRecorder>(*client_, [this] { return now_.load(); });
  }
  void TearDown() override {
    recorder_.reset();
    ServerTest::TearDown();
  }
  void record(const std::string& pod, const std::string& reason, const std::string& ns = "default") {
    k8s::io::api::core::v1::ObjectReference about;
    about.set_kind("Pod");
    about.set_api_version("v1");
    about.set_namespace_(ns);
    about.set_name(pod);
    about.set_uid("4f0c2f2e-0000-4000-8000-000000000001");
    about.set_field_path("spec.containers{c}");
    recorder_->record("kubelet", "node-1", about.SerializeAsString(), "Normal", reason,
                      "Container image already present");
  }
  std::vector<Json> events() {
    std::vector<Json> out;
    const auto list = store_->list("//events/");
    EXPECT_TRUE(list.ok());
    for (const auto& entry : list->entries) out.push_back(parse_entry(*entry));
    return out;
  }
  template <typename Condition>
  bool wait(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }

  std::unique_ptr<client::Client> client_;
  std::unique_ptr<client::EventRecorder> recorder_;
};

TEST_F(EventsTest, AreStoredAndCounted) {
  for (int i = 0; i < 4; ++i) record("web", "Pulled");
  record("web", "Started");
  const auto settled = [&] {
    const auto all = events();
    if (all.size() != 2) return false;
    for (const auto& event : all) {
      if (text_at(event, {"reason"}) == "Pulled" && int_at(event, {"count"}) != 4) return false;
    }
    return true;
  };
  ASSERT_TRUE(wait(settled)) << events().size() << " events, dropped " << recorder_->dropped();
  for (const auto& event : events()) {
    EXPECT_EQ(text_at(event, {"metadata", "namespace"}), "default");
    EXPECT_EQ(text_at(event, {"involvedObject", "fieldPath"}), "spec.containers{c}");
    EXPECT_EQ(text_at(event, {"source", "component"}), "kubelet");
    EXPECT_EQ(text_at(event, {"source", "host"}), "node-1");
    EXPECT_EQ(text_at(event, {"reportingComponent"}), "kubelet");
    EXPECT_EQ(text_at(event, {"reportingInstance"}), "node-1");
    EXPECT_EQ(text_at(event, {"type"}), "Normal");
    EXPECT_EQ(text_at(event, {"firstTimestamp"}), "2023-11-14T22:13:20Z");
    EXPECT_EQ(text_at(event, {"lastTimestamp"}), "2023-11-14T22:13:20Z");
  }
}

TEST_F(EventsTest, OfManyObjectsAreAllWritten) {
  for (int i = 0; i < 500; ++i) record("pod-" + std::to_string(i), "Scheduled");
  EXPECT_TRUE(wait([&] { return events().size() == 500; })) << events().size() << ", dropped " << recorder_->dropped();
}

TEST_F(EventsTest, OfANamespaceThatIsGoneAreDropped) {
  record("web", "Killing", "gone");
  EXPECT_TRUE(wait([&] { return recorder_->dropped() == 1; }));
  EXPECT_TRUE(events().empty());
}

}  // namespace
}  // namespace gantry::apiserver
