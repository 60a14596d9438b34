// The event recorder through the in-process client against the real server: what it writes is accepted and counted.
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <mutex>
#include <thread>

#include "core/apiserver/documents.hpp"
#include "core/apiserver/forms.hpp"
#include "core/apiserver/server.hpp"
#include "core/client/event_recorder.hpp"
#include "core/store/sqlite_store.hpp"
#include "k8s.io/api/core/v1/reference.pb.h"

namespace gantry::apiserver {
namespace {

class EventsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/gantry-events-XXXXXX";
    directory_ = ::mkdtemp(name);
    auto built = schema::Schema::builtin();
    ASSERT_TRUE(built.ok());
    schema_ = *std::move(built);
    store::SqliteOptions store_options;
    store_options.path = directory_ + "/store.db";
    auto opened = store::open_sqlite(store_options);
    ASSERT_TRUE(opened.ok());
    store_ = *std::move(opened);
    Options options;
    options.post = [this](std::function<void()> work) {
      std::lock_guard lock(mutex_);
      workers_.emplace_back(std::move(work));
    };
    auto created = ApiServer::create(*schema_, *store_, std::move(options));
    ASSERT_TRUE(created.ok());
    server_ = *std::move(created);
    client_ = client::make_local_client(*server_, {.user = "system:test", .groups = {}, .uid = {}});
    recorder_ = std::make_unique<client::EventRecorder>(*client_, [] { return int64_t{1'700'000'000} * 1'000'000'000; });
  }
  void TearDown() override {
    recorder_.reset();
    server_->stop();
    for (;;) {
      std::vector<std::thread> workers;
      {
        std::lock_guard lock(mutex_);
        workers.swap(workers_);
      }
      if (workers.empty()) break;
      for (auto& worker : workers) worker.join();
    }
    store_.reset();
    client_.reset();
    server_.reset();
    std::filesystem::remove_all(directory_);
  }
  void record(const std::string& pod, const std::string& reason, const std::string& ns = "default") {
    k8s::io::api::core::v1::ObjectReference about;
    about.set_kind("Pod");
    about.set_api_version("v1");
    about.set_namespace_(ns);
    about.set_name(pod);
    about.set_uid("4f0c2f2e-0000-4000-8000-000000000001");
    about.set_field_path("spec.containers{c}");
    recorder_->record("kubelet", "node-1", about.SerializeAsString(), "Normal", reason, "Container image already present");
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

  std::string directory_;
  std::unique_ptr<schema::Schema> schema_;
  std::unique_ptr<store::Store> store_;
  std::mutex mutex_;
  std::vector<std::thread> workers_;
  std::unique_ptr<ApiServer> server_;
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
