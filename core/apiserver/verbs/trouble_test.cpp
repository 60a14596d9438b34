// Trouble from behind and from all sides: a store that fails, is full, or is always a step ahead; many at once;
// stopping in the middle of it.
#include <random>

#include "core/apiserver/test_server.hpp"
#include "core/client/client.hpp"
#include "core/limits/account.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace gantry::apiserver {
namespace {

// Passes everything on but the writes that it was told to refuse.
class TroubledStore : public store::Store {
 public:
  explicit TroubledStore(std::function<store::Store&()> real) : real_(std::move(real)) {}
  void write(store::Write write, store::WriteCallback done) override {
    ++writes;
    if (write.removes) ++removals;
    if (refuse > 0 && pass-- <= 0) {
      --refuse;
      return done(with);
    }
    real_().write(std::move(write), std::move(done));
  }
  store::EntryPtr get(std::string_view key) const override { return real_().get(key); }
  Expected<store::ListResult> list(std::string_view prefix, store::Revision revision, std::string_view after,
                                   size_t limit) const override {
    return real_().list(prefix, revision, after, limit);
  }
  Expected<std::unique_ptr<store::Watch>> watch(std::string_view prefix, store::Revision from,
                                                store::WatchCallback callback, store::Only only) override {
    if (prefix == "//configmaps/default/") last_watch = callback;
    return real_().watch(prefix, from, std::move(callback), std::move(only));
  }
  store::Revision revision() const override { return real_().revision(); }
  void compact(store::Revision revision) override { real_().compact(revision); }
  store::Stats stats() const override { return real_().stats(); }
  Status health() const override { return fails; }

  std::atomic<int> refuse{0}, writes{0}, removals{0};
  std::atomic<int> pass{0};  // so many before those that are refused
  Status fails;
  Status with = Status::internal("database or disk is full");
  store::WatchCallback last_watch;

 private:
  const std::function<store::Store&()> real_;
};

// A peer that stopped reading.
class StuckStream : public http::Stream, public Waitable {
 public:
  bool write(std::vector<http::Chunk>) override { return true; }
  size_t queued() const override { return 2 << 20; }
  void when_drained(std::function<void()> ready) override {
    change([&] { ready_ = std::move(ready); });
  }
  void end() override {
    change([&] { ended_ = true; });
  }
  void on_close(std::function<void()>) override {}
  bool ended() {
    std::lock_guard lock(mutex_);
    return ended_;
  }

 private:
  std::function<void()> ready_;
  bool ended_ = false;
};

class StuckExchange : public FakeExchange {
 public:
  std::shared_ptr<http::Stream> start_stream(int, std::string) override { return stream; }
  std::shared_ptr<StuckStream> stream = std::make_shared<StuckStream>();
};

class TroubleTest : public ServerTest {
 protected:
  store::Store& served_store() override { return troubled_; }
  TroubledStore troubled_{[this]() -> store::Store& { return *store_; }};
};

TEST_F(TroubleTest, AFullDiskIsSaidAndForgotten) {
  made(kMaps, config_map("a"));
  troubled_.refuse = 3;
  const auto created = ask("POST", kMaps, config_map("b"));
  EXPECT_EQ(created.code, 500);
  EXPECT_EQ(created.text({"reason"}), "InternalError");
  const auto answer = created.json();
  const auto& cause = answer.at("details").at("causes").at(0).as_object();
  EXPECT_EQ(created.text({"message"}), "Internal error occurred: " + std::string(cause.at("message").as_string()));
  EXPECT_EQ(cause.size(), 1U);
  EXPECT_EQ(ask("PATCH", std::string(kMaps) + "/a", R"({"data":{"k":"2"}})", kMergePatch).code, 500);
  EXPECT_EQ(ask("DELETE", std::string(kMaps) + "/a").code, 500);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "/a").text({"data", "k"}), "v");
  EXPECT_EQ(ask("POST", kMaps, config_map("b")).code, 201);
}

TEST_F(TroubleTest, AStoreThatCannotWriteIsNotReadyButAlive) {
  EXPECT_EQ(ask("GET", "/readyz").body, "ok");
  troubled_.fails = Status::internal("cannot write /x/store.db: No space left on device");
  const auto ready = ask("GET", "/readyz");
  EXPECT_EQ(ready.code, 500);
  EXPECT_EQ(ready.body,
            "[+]ping ok\n[-]store failed: cannot write /x/store.db: No space left on device\n[+]shutdown ok\n"
            "readyz check failed\n");
  const auto store = ask("GET", "/readyz/store");
  EXPECT_EQ(store.code, 500);
  EXPECT_EQ(store.body, "internal server error: cannot write /x/store.db: No space left on device\n");
  for (const std::string path : {"/readyz", "/readyz/store"}) {
    auto stranger = request("GET", path);
    stranger.identity = {"system:anonymous", {"system:unauthenticated"}, {}};
    const auto answer = ask(std::move(stranger));
    EXPECT_EQ(answer.code, 500);
    EXPECT_NE(answer.body.find("[-]store failed: reason withheld\n"), std::string::npos) << answer.body;
  }
  EXPECT_EQ(ask("GET", "/readyz?exclude=store").code, 200);
  EXPECT_EQ(ask("GET", "/livez").code, 200);
  EXPECT_EQ(ask("GET", "/healthz").code, 200);
}

TEST_F(TroubleTest, WhatRemovesIsMarkedForTheStore) {
  made(kMaps, config_map("a"));
  made(kMaps, config_map("held", R"(,"finalizers":["x/y"])"));
  ask("PATCH", std::string(kMaps) + "/a", R"({"data":{"k":"2"}})", kMergePatch);
  EXPECT_EQ(troubled_.removals, 0);
  ask("DELETE", std::string(kMaps) + "/a");
  EXPECT_EQ(troubled_.removals, 1);
  ask("DELETE", std::string(kMaps) + "/held");  // only marked
  EXPECT_EQ(troubled_.removals, 2);
  ask("PATCH", std::string(kMaps) + "/held", R"({"metadata":{"finalizers":null}})", kMergePatch);
  EXPECT_EQ(troubled_.removals, 3);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "/held").code, 404);
}

TEST_F(TroubleTest, APeerThatReadsNothingIsDroppedInTheEnd) {
  // It is stuck before its watch begins, so nothing is subscribed and nothing piles up.
  auto early = std::make_shared<StuckExchange>();
  server_->handle(request("GET", std::string(kMaps) + "?watch=true"), early);
  EXPECT_EQ(store_->stats().watchers, 0);
  EXPECT_FALSE(early->stream->ended());
  server_->stop();
  EXPECT_TRUE(early->stream->ended());
}

TEST_F(TroubleTest, ABacklogHasABound) {
  class LateStuckStream : public StuckStream {
   public:
    size_t queued() const override { return stuck ? 2 << 20 : 0; }
    std::atomic<bool> stuck{false};
  };
  struct LateExchange : FakeExchange {
    std::shared_ptr<http::Stream> start_stream(int, std::string) override { return stream; }
    std::shared_ptr<LateStuckStream> stream = std::make_shared<LateStuckStream>();
  };
  auto exchange = std::make_shared<LateExchange>();
  server_->handle(request("GET", std::string(kMaps) + "?watch=true"), exchange);
  ASSERT_TRUE(troubled_.last_watch != nullptr);
  auto entry = std::make_shared<store::Entry>();
  entry->key = "//configmaps/default/x";
  entry->value = "{}";
  entry->mod_revision = 1'000;
  auto event = std::make_shared<store::Event>();
  event->entry = entry;
  const std::vector<store::EventPtr> events(1'000, event);
  exchange->stream->stuck = true;
  int calls = 0;
  for (; calls < 100 && !exchange->stream->ended(); ++calls) troubled_.last_watch(events.data(), events.size(), 1'000);
  EXPECT_TRUE(exchange->stream->ended());
  EXPECT_GT(calls, 30);
  EXPECT_LT(calls, 40);
}

TEST_F(TroubleTest, AFullQueueAsksForPatience) {
  troubled_.with = Status::too_many_requests("the store has too much to do");
  troubled_.refuse = 1;
  const auto answer = ask("POST", kMaps, config_map("a"));
  EXPECT_EQ(answer.code, 429);
  EXPECT_EQ(answer.text({"reason"}), "TooManyRequests");
  EXPECT_EQ(answer.header("Retry-After"), "1");
}

// A collection that has begun to go waits for room; one that has not is answered.
TEST_F(TroubleTest, ACollectionDoesNotStopHalfWay) {
  for (int i = 0; i < 40; ++i) made(kMaps, config_map("m" + std::to_string(i)));
  troubled_.with = Status::too_many_requests("the store has 16384 writes waiting");
  troubled_.refuse = 1'000;
  EXPECT_EQ(ask("DELETE", kMaps).code, 429);
  EXPECT_EQ(ask("GET", kMaps).json().at("items").as_array().size(), 40U);
  troubled_.pass = 10;
  troubled_.refuse = 60;
  EXPECT_EQ(ask("DELETE", kMaps).code, 200);
  EXPECT_EQ(ask("GET", kMaps).json().at("items").as_array().size(), 0U);
  EXPECT_EQ(troubled_.refuse, 0);
  // As long as the request waits, and no longer.
  for (int i = 0; i < 3; ++i) made(kMaps, config_map("m" + std::to_string(i)));
  troubled_.pass = 1;
  troubled_.refuse = 1'000'000;
  EXPECT_EQ(ask("DELETE", std::string(kMaps) + "?timeout=100ms").code, 429);
  troubled_.refuse = 0;
  EXPECT_EQ(ask("GET", kMaps).json().at("items").as_array().size(), 2U);
}

TEST_F(TroubleTest, ConflictsAreTriedAgainSomeTimes) {
  made(kMaps, config_map("a"));
  troubled_.with = Status::conflict("somebody was faster");
  troubled_.refuse = 2;
  const auto patched = ask("PATCH", std::string(kMaps) + "/a", R"({"data":{"k":"2"}})", kMergePatch);
  EXPECT_EQ(patched.code, 200) << patched.body;
  troubled_.refuse = 1'000;
  troubled_.writes = 0;
  const auto never = ask("PATCH", std::string(kMaps) + "/a", R"({"data":{"k":"3"}})", kMergePatch);
  EXPECT_EQ(never.code, 409);
  EXPECT_EQ(troubled_.writes, 5);
  EXPECT_NE(never.text({"message"}).find("the object has been modified"), std::string::npos);
}

TEST_F(TroubleTest, GeneratedNamesThatAreTakenAreTriedAgain) {
  troubled_.with = Status::already_exists("taken");
  troubled_.refuse = 3;
  EXPECT_EQ(ask("POST", kMaps, R"({"metadata":{"generateName":"x-"}})").code, 201);
  troubled_.refuse = 1'000;
  const auto never = ask("POST", kMaps, R"({"metadata":{"generateName":"x-"}})");
  EXPECT_EQ(never.code, 409);
  EXPECT_EQ(never.text({"reason"}), "AlreadyExists");
}

TEST_F(TroubleTest, WhatIsMadeOfANameFollowsIt) {
  troubled_.with = Status::already_exists("taken");
  troubled_.refuse = 2;
  const auto job = ask("POST", "/apis/batch/v1/namespaces/default/jobs", R"({"metadata":{"generateName":"x-"},"spec":{
      "template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i"}]}}}})");
  ASSERT_EQ(job.code, 201) << job.body;
  EXPECT_EQ(job.text({"spec", "template", "metadata", "labels", "job-name"}), job.text({"metadata", "name"}));
  EXPECT_EQ(job.text({"spec", "selector", "matchLabels", "batch.kubernetes.io/controller-uid"}),
            job.text({"metadata", "uid"}));
}

TEST_F(TroubleTest, ANamespacesLabelFollowsItsName) {
  troubled_.with = Status::already_exists("taken");
  troubled_.refuse = 2;
  const auto made_one = ask("POST", "/api/v1/namespaces", R"({"metadata":{"generateName":"x-"}})");
  ASSERT_EQ(made_one.code, 201) << made_one.body;
  EXPECT_EQ(made_one.text({"metadata", "labels", "kubernetes.io/metadata.name"}), made_one.text({"metadata", "name"}));
}

class AccountsTest : public ServerTest {
 protected:
  Answer pay(std::string method, std::string path, std::string body = {}, std::string type = "application/json") {
    auto asked = request(std::move(method), std::move(path), std::move(body), std::move(type));
    asked.account = account_;
    auto answer = ask(std::move(asked));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (account_->used() != 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(account_->used(), 0U);
    return answer;
  }
  static std::string long_map(const std::string& name) {
    return R"({"metadata":{"name":")" + name + R"("},"data":{"k":")" + std::string(300'000, 'x') + "\"}}";
  }
  // For now, or for good.
  void expect_refused(const Answer& answer, bool for_good = true) {
    EXPECT_EQ(answer.code, for_good ? 413 : 429) << answer.body.substr(0, 300);
    EXPECT_EQ(answer.text({"reason"}), for_good ? "RequestEntityTooLarge" : "TooManyRequests");
    EXPECT_EQ(answer.header("Retry-After"), for_good ? "" : "1");
  }
  std::shared_ptr<limits::Account> account_ = std::make_shared<limits::Account>(200'000);
};

TEST_F(AccountsTest, PayForDocumentsAndGetThemBack) {
  expect_refused(pay("POST", kMaps, long_map("big")));
  EXPECT_EQ(pay("POST", kMaps, config_map("small")).code, 201);
  EXPECT_GT(account_->peak(), 0U);
  const auto big = std::string(kMaps) + "/big";
  made(kMaps, long_map("big"));
  expect_refused(pay("PUT", big, long_map("big")));
  expect_refused(pay("PATCH", big, R"({"data":{"l":"m"}})", kMergePatch));
  expect_refused(pay("PATCH", big, R"([{"op":"test","path":"/data/l"}])", "application/json-patch+json"));
  expect_refused(pay("DELETE", big));
  expect_refused(pay("DELETE", kMaps));
  EXPECT_EQ(pay("GET", big).code, 200);
  EXPECT_EQ(pay("GET", big).text({"data", "l"}), "");
  EXPECT_EQ(ask("PATCH", big, R"({"data":{"l":"m"}})", kMergePatch).code, 200);
}

TEST_F(AccountsTest, PayForWhatWaitsForTheStore) {
  made(kMaps, long_map("big"));
  const auto path = std::string(kMaps) + "/big";
  const std::string change = R"({"data":{"l":"m"}})";
  account_ = std::make_shared<limits::Account>(8 << 20);
  EXPECT_EQ(pay("PATCH", path + "?dryRun=All", change, kMergePatch).code, 200);
  const size_t documents = account_->peak();
  EXPECT_GT(documents, 600'000U);
  account_ = std::make_shared<limits::Account>(documents + 100'000);
  EXPECT_EQ(pay("PATCH", path + "?dryRun=All", change, kMergePatch).code, 200);
  expect_refused(pay("PATCH", path, change, kMergePatch), false);
  account_ = std::make_shared<limits::Account>(documents + 1'000'000);
  EXPECT_EQ(pay("PATCH", path, change, kMergePatch).code, 200);
}

// Watchers come, go, and leave from within their own callback, while others write, until the server stops under them.
TEST_F(TroubleTest, EverythingAtOnceAndThenTheEnd) {
  auto client = client::make_local_client(*server_, {"system:test", {}, {}});
  std::atomic<bool> over{false};
  std::atomic<int> events{0}, answers{0};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; !over; ++i) {
        const std::string name = "w" + std::to_string(writer) + "-" + std::to_string(i % 5);
        k8s::io::api::core::v1::ConfigMap map;
        map.mutable_metadata()->set_name(name);
        (*map.mutable_data())["i"] = std::to_string(i);
        const client::ResourceRef maps{"", "v1", "configmaps"};
        if (client->call(client::create_request(maps, "default", map.SerializeAsString())).ok()) ++answers;
        if (client->call(client::update_request(maps, "default", name, map.SerializeAsString())).ok()) ++answers;
        if (i % 3 == 0 && client->call(client::delete_request(maps, "default", name)).ok()) ++answers;
      }
    });
  }
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&, reader] {
      std::mt19937 random(static_cast<unsigned>(reader));
      while (!over) {
        struct Own {
          std::mutex mutex;
          std::unique_ptr<client::Watch> watch;
          int left = 0;
        };
        auto own = std::make_shared<Own>();
        own->left = static_cast<int>(random() % 20);
        auto watch = client->watch({"", "v1", "configmaps", reader == 0 ? "default" : "", "", "", "", false},
                                   {[&events, own](const client::WatchEvent&) {
                                      ++events;
                                      std::unique_ptr<client::Watch> gone;
                                      std::lock_guard lock(own->mutex);
                                      if (--own->left <= 0) gone = std::move(own->watch);
                                    },
                                    [](const Status&) {}});
        {
          std::lock_guard lock(own->mutex);
          if (own->left > 0) own->watch = std::move(watch);
        }
        const int seen = events;
        for (int turn = 0; turn < 10'000 && events < seen + 3 && !over; ++turn) std::this_thread::yield();
        std::unique_ptr<client::Watch> rest;
        {
          std::lock_guard lock(own->mutex);
          rest = std::move(own->watch);
        }
      }
    });
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while ((events < 500 || answers < 300) && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_GE(events, 500);
  EXPECT_GE(answers, 300);
  server_->stop();
  over = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store_->stats().watchers, 0);
}

}  // namespace
}  // namespace gantry::apiserver
