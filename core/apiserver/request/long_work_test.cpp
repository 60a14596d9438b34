// Long work is done elsewhere, and a queue of it keeps nobody else waiting: the workers of these tests work when they
// are told to.
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

constexpr const char* kLeases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

class LongWorkTest : public ServerTest {
 protected:
  Options options() override {
    auto out = ServerTest::options();
    out.run_long = [this](std::function<void()> work) {
      std::unique_lock lock(mutex_);
      if (hold_) return held_.push_back(std::move(work));
      lock.unlock();
      work();
    };
    out.most_long = 3;
    return out;
  }
  void TearDown() override {
    release();
    ServerTest::TearDown();
  }
  // All that is held, and what comes of it.
  void release() {
    for (;;) {
      std::vector<std::function<void()>> work;
      {
        const std::lock_guard lock(mutex_);
        work.swap(held_);
        hold_ = !work.empty();
      }
      if (work.empty()) return;
      for (auto& piece : work) piece();
    }
  }
  void hold() {
    const std::lock_guard lock(mutex_);
    hold_ = true;
  }
  size_t held() {
    const std::lock_guard lock(mutex_);
    return held_.size();
  }
  // What is held first, and nothing that comes of it.
  void run_first() {
    std::function<void()> work;
    {
      const std::lock_guard lock(mutex_);
      ASSERT_FALSE(held_.empty());
      work = std::move(held_.front());
      held_.erase(held_.begin());
    }
    work();
  }
  std::shared_ptr<FakeExchange> begin(http::Request asked) {
    auto exchange = std::make_shared<FakeExchange>();
    server_->handle(std::move(asked), exchange);
    return exchange;
  }
  void expect_later(http::Request asked, int code) {
    const std::string what = asked.method + " " + asked.path + "?" + asked.query;
    hold();
    auto exchange = begin(std::move(asked));
    EXPECT_EQ(exchange->answers(), 0) << what;
    EXPECT_EQ(held(), 1U) << what;
    release();
    ASSERT_TRUE(exchange->wait_answer()) << what;
    EXPECT_EQ(exchange->code(), code) << what << exchange->body();
  }
  void expect_at_once(http::Request asked, int code) {
    const std::string what = asked.method + " " + asked.path + "?" + asked.query;
    hold();
    auto exchange = begin(std::move(asked));
    ASSERT_TRUE(exchange->wait_answer()) << what;
    EXPECT_EQ(exchange->code(), code) << what << exchange->body();
    EXPECT_EQ(held(), 0U) << what;
    release();
  }
  static std::string long_map(const std::string& name, size_t size = 100'000) {
    return R"({"metadata":{"name":")" + name + R"("},"data":{"k":")" + std::string(size, 'x') + "\"}}";
  }
  static std::string lease(const std::string& version) {
    return R"({"metadata":{"name":"node")" + (version.empty() ? "" : R"(,"resourceVersion":")" + version + "\"") +
           R"(},"spec":{"holderIdentity":"me","leaseDurationSeconds":40}})";
  }
  const std::string one_ = std::string(kMaps) + "/big";

 private:
  std::mutex mutex_;
  bool hold_ = false;
  std::vector<std::function<void()>> held_;
};

TEST_F(LongWorkTest, KeepsHealthAndLeasesFromNothing) {
  const auto version = made(kLeases, lease("")).text({"metadata", "resourceVersion"});
  made(kMaps, long_map("big"));
  hold();
  std::vector<std::shared_ptr<FakeExchange>> waiting;
  waiting.push_back(begin(request("POST", kMaps, long_map("other"))));
  waiting.push_back(begin(request("PATCH", one_, R"({"data":{"k":null}})", kMergePatch)));
  waiting.push_back(begin(request("GET", kMaps, "", "", kTable)));
  EXPECT_EQ(held(), 3U);
  EXPECT_EQ(ask("GET", "/healthz").code, 200);
  EXPECT_EQ(ask("GET", "/readyz").code, 200);
  const auto renewed = ask("PUT", std::string(kLeases) + "/node", lease(version));
  EXPECT_EQ(renewed.code, 200) << renewed.body;
  const std::string protobuf = "application/vnd.kubernetes.protobuf";
  EXPECT_EQ(ask("GET", std::string(kLeases) + "/node", "", "", protobuf).code, 200);
  EXPECT_EQ(ask("POST", kMaps, config_map("small")).code, 201);
  for (auto& exchange : waiting) EXPECT_EQ(exchange->answers(), 0);
  release();
  for (auto& exchange : waiting) {
    ASSERT_TRUE(exchange->wait_answer());
    EXPECT_LT(exchange->code(), 300) << exchange->body();
  }
}

TEST_F(LongWorkTest, IsALongBody) {
  expect_later(request("POST", kMaps, long_map("a", 20'000)), 201);
  expect_at_once(request("POST", kMaps, long_map("b", 10'000)), 201);
  expect_later(request("PUT", std::string(kMaps) + "/b", long_map("b", 20'000)), 200);
  expect_later(request("DELETE", std::string(kMaps) + "/a", long_map("a", 20'000)), 200);
}

TEST_F(LongWorkTest, IsALongObject) {
  made(kMaps, long_map("big"));
  expect_at_once(request("GET", one_), 200);
  expect_at_once(request("GET", kMaps), 200);
  expect_later(request("PATCH", one_, R"({"data":{"l":"m"}})", kMergePatch), 200);
  expect_later(request("GET", one_, "", "", "application/yaml"), 200);
  expect_later(request("GET", one_, "", "", kTable), 200);
  expect_later(request("GET", kMaps, "", "", kTable), 200);
  expect_later(request("GET", kMaps, "", "", "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"), 200);
  expect_at_once(request("GET", kMaps, "", "", "application/vnd.kubernetes.protobuf"), 200);  // made with the write
  close();
  open();
  expect_later(request("GET", kMaps, "", "", "application/vnd.kubernetes.protobuf"), 200);
  expect_later(request("GET", std::string(kMaps) + "?labelSelector=a%3Db"), 200);
  expect_at_once(request("GET", std::string(kMaps) + "?labelSelector=a%3Db"), 200);  // read by now
  expect_later(request("DELETE", one_), 200);
}

TEST_F(LongWorkTest, IsWhatGrows) {
  made(kMaps, config_map("big"));
  expect_at_once(request("PATCH", one_, R"([{"op":"add","path":"/data/l","value":"m"}])", kJsonPatch), 200);
  expect_later(request("PATCH", one_, R"([{"op":"copy","from":"/data/k","path":"/data/n"}])", kJsonPatch), 200);
  expect_later(request("PATCH", one_, R"([{"op":"c\u006fpy","from":"/data/k","path":"/data/o"}])", kJsonPatch), 200);
  expect_at_once(request("POST", kMaps, "metadata: {name: a}\ndata: {x: v}", "application/yaml"), 201);
  expect_later(request("POST", kMaps, "metadata: {name: b}\ndata: {x: &x v, y: *x}", "application/yaml"), 201);
  expect_later(request("DELETE", kMaps), 200);
}

std::string long_selector(int terms) {
  std::string selector = "?labelSelector=a!=b";
  for (int i = 0; i < terms; ++i) selector += ",a" + std::to_string(i) + "!=v";
  return selector;
}

TEST_F(LongWorkTest, IsALongSelector) {
  for (int i = 0; i < 20; ++i) made(kMaps, config_map("m" + std::to_string(i)));
  expect_at_once(request("GET", std::string(kMaps) + "?labelSelector=a,b"), 200);
  expect_at_once(request("GET", kMaps + long_selector(1'000)), 200);
  expect_later(request("GET", kMaps + long_selector(3'000)), 200);
  expect_later(request("GET", kMaps + long_selector(3'000) + "&watch=true"), 200);
}

TEST_F(LongWorkTest, OfWhoHasGoneIsNotBegun) {
  hold();
  auto list = begin(request("GET", kMaps + long_selector(3'000)));
  auto create = begin(request("POST", kMaps, long_map("big")));
  list->leave();
  create->leave();
  release();
  for (const auto& exchange : {list, create}) {
    ASSERT_TRUE(exchange->wait_answer());
    EXPECT_EQ(exchange->code(), 504);
    EXPECT_NE(exchange->body().find("Timeout: request did not complete within the allotted timeout"),
              std::string::npos);
  }
  EXPECT_EQ(ask("GET", one_).code, 404) << "nothing was done";
}

// One of two turns: what waits goes between, and nothing comes of it when its peer goes meanwhile.
TEST_F(LongWorkTest, OfListsIsDoneInTurns) {
  for (int i = 0; i < 6; ++i) made(kMaps, long_map("m" + std::to_string(i), 400'000));
  for (const bool stays : {true, false}) {
    close();
    open();  // nothing has been read
    hold();
    auto list = begin(request("GET", std::string(kMaps) + "?labelSelector=!none"));
    auto other = begin(request("POST", kMaps, long_map(stays ? "a" : "b")));
    EXPECT_EQ(held(), 2U);
    run_first();
    EXPECT_EQ(list->answers(), 0);
    EXPECT_EQ(held(), 2U) << "the rest waits behind the other";
    if (!stays) list->leave();
    release();
    ASSERT_TRUE(list->wait_answer());
    EXPECT_EQ(list->code(), stays ? 200 : 504);
    EXPECT_EQ(list->answers(), 1);
    ASSERT_TRUE(other->wait_answer());
    EXPECT_EQ(other->code(), 201);
  }
}

TEST_F(LongWorkTest, IsRefusedWhenTooMuchWaits) {
  hold();
  std::vector<std::shared_ptr<FakeExchange>> all;
  for (int i = 0; i < 4; ++i) all.push_back(begin(request("POST", kMaps, long_map("m" + std::to_string(i)))));
  EXPECT_EQ(held(), 3U);
  ASSERT_TRUE(all[3]->wait_answer());
  EXPECT_EQ(all[3]->code(), 429);
  EXPECT_EQ(all[3]->header("Retry-After"), "1");
  EXPECT_NE(all[3]->body().find("\"TooManyRequests\""), std::string::npos);
  release();
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(all[static_cast<size_t>(i)]->wait_answer());
  expect_later(request("POST", kMaps, long_map("m3")), 201);  // there is room again
}

TEST_F(LongWorkTest, IsAnsweredAtTheEnd) {
  hold();
  auto exchange = begin(request("POST", kMaps, long_map("a")));
  server_->stop();
  release();
  ASSERT_TRUE(exchange->wait_answer());
  EXPECT_EQ(exchange->code(), 503);
}

TEST_F(LongWorkTest, OfWatchesIsNotTheNotifiers) {
  auto table = ask(request("GET", std::string(kMaps) + "?watch=true", "", "", kTable)).stream;
  auto plain = ask(request("GET", std::string(kMaps) + "?watch=true")).stream;
  made(kMaps, config_map("first"));
  ASSERT_TRUE(table->wait_text("\"first\""));
  // Written by the store alone, so that it is not the request that is held.
  hold();
  store::Write write;
  write.key = "//configmaps/default/big";
  write.value = R"({"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"big","namespace":"default",)"
                R"("resourceVersion":""},"data":{"k":")" +
                std::string(100'000, 'x') + "\"}}";
  write.revision_at = write.value.find("\"resourceVersion\":\"") + std::string_view("\"resourceVersion\":\"").size();
  store_->write(std::move(write), [](const Expected<store::EntryPtr>&) {});
  ASSERT_TRUE(plain->wait_text("\"big\""));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (held() == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(held(), 1U);
  EXPECT_EQ(table->text().find("\"big\""), std::string::npos);
  EXPECT_EQ(ask("POST", kMaps, config_map("last")).code, 201);
  ASSERT_TRUE(plain->wait_text("\"last\""));
  release();
  ASSERT_TRUE(table->wait_text("\"last\""));
  const auto text = table->text();
  EXPECT_LT(text.find("\"big\""), text.find("\"last\"")) << "in order";
}

// Without an executor of the test's: the server's own threads.
class OwnWorkersTest : public ServerTest {};

TEST_F(OwnWorkersTest, DoWhatIsLong) {
  std::vector<std::shared_ptr<FakeExchange>> all;
  const std::string text(50'000, 'x');
  for (int i = 0; i < 20; ++i) {
    all.push_back(std::make_shared<FakeExchange>());
    server_->handle(
        request("POST", kMaps, R"({"metadata":{"name":"m)" + std::to_string(i) + R"("},"data":{"k":")" + text + "\"}}"),
        all.back());
  }
  for (auto& exchange : all) {
    ASSERT_TRUE(exchange->wait_answer());
    EXPECT_EQ(exchange->code(), 201);
  }
}

}  // namespace
}  // namespace gantry::apiserver
