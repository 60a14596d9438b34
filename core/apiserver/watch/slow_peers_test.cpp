// Peers that read too slowly: what waits for them is bounded in bytes, in events and in time, and keeps nothing that
// the store has let go.
#include <barrier>
#include <future>

#include "core/apiserver/test_server.hpp"
#include "core/apiserver/watch/backlog.hpp"
#include "core/apiserver/watch/frames.hpp"

namespace gantry::apiserver {
namespace {

// A peer that reads when it is told to, as much as it is told.
class HeldStream : public http::Stream, public Waitable {
 public:
  bool write(std::vector<http::Chunk> message) override {
    change([&] {
      for (const auto& chunk : message) {
        queued_ += chunk.bytes.size();
        text_ += chunk.bytes;
      }
    });
    return true;
  }
  size_t queued() const override { return queued_; }
  void when_drained(std::function<void()> ready) override {
    change([&] { ready_ = std::move(ready); });
  }
  void end() override {
    change([&] { ended_ = true; });
  }
  void on_close(std::function<void()>) override {}
  // Whatever it reads, so much waits.
  void set_queued(size_t bytes) {
    std::function<void()> ready;
    change([&] {
      queued_ = bytes;
      if (bytes == 0) ready = std::exchange(ready_, nullptr);
    });
    if (ready) ready();
  }
  bool wait_stalled() {
    return wait([this] { return ready_ != nullptr; });
  }
  bool wait_end() {
    return wait([this] { return ended_; });
  }
  bool ended() {
    const std::lock_guard lock(mutex_);
    return ended_;
  }
  std::string text() {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  // The last event.
  Json last() {
    const auto all = text();
    const auto begin = all.size() < 2 ? std::string::npos : all.rfind('\n', all.size() - 2);
    return boost::json::parse(all.substr(begin == std::string::npos ? 0 : begin + 1));
  }

 private:
  std::atomic<size_t> queued_{0};
  std::string text_;
  bool ended_ = false;
  std::function<void()> ready_;
};

class HeldExchange : public FakeExchange {
 public:
  std::shared_ptr<http::Stream> start_stream(int code, std::string type) override {
    FakeExchange::start_stream(code, std::move(type));
    return held;
  }
  std::shared_ptr<HeldStream> held = std::make_shared<HeldStream>();
};

class SlowPeersTest : public ServerTest {
 protected:
  Options options() override {
    auto out = ServerTest::options();
    out.watch_backlog_bytes = kBacklog;
    out.watch_patience_ms = patience_ms;
    return out;
  }
  std::shared_ptr<HeldStream> open(const std::string& path, const std::string& accept = {},
                                   std::shared_ptr<limits::Account> account = nullptr) {
    auto exchange = std::make_shared<HeldExchange>();
    auto asked = request("GET", path, "", "", accept);
    asked.account = std::move(account);
    server_->handle(std::move(asked), exchange);
    return exchange->held;
  }
  void put(const std::string& name, size_t size, char with = 'x') {
    const auto answer =
        ask("PUT", std::string(kMaps) + "/" + name,
            R"({"metadata":{"name":")" + name + R"("},"data":{"k":")" + std::string(size, with) + "\"}}");
    EXPECT_EQ(answer.code, 200) << answer.body;
  }
  static void expect_expired(HeldStream& stream) {
    ASSERT_TRUE(stream.wait_end());
    const auto event = stream.last();
    EXPECT_EQ(event.at("type"), "ERROR");
    EXPECT_EQ(event.at("object").at("code"), 410);
    EXPECT_EQ(event.at("object").at("reason"), "Expired");
    EXPECT_TRUE(text_at(event, {"object", "message"}).starts_with("too old resource version: "));
  }
  static constexpr size_t kBacklog = 1 << 20;
  static constexpr size_t kStuck = 2 << 20;
  const std::string watch_ = std::string(kMaps) + "?watch=true&resourceVersion=";
  int64_t patience_ms = 3'600'000;
};

struct ImpatientTest : SlowPeersTest {
  ImpatientTest() { patience_ms = 1; }
};

store::EventPtr event_of(size_t bytes, store::Revision revision) {
  auto entry = std::make_shared<store::Entry>();
  entry->value = std::string(bytes, 'x');
  entry->mod_revision = revision;
  auto event = std::make_shared<store::Event>();
  event->entry = entry;
  return event;
}

TEST(Backlog, TakesWhatFitsItsBounds) {
  Backlog backlog(3, 100, nullptr);
  const std::vector<store::EventPtr> events{event_of(60, 7), event_of(30, 8), event_of(10, 9), event_of(0, 10)};
  EXPECT_EQ(backlog.first(), Backlog::kNone);
  EXPECT_TRUE(backlog.add(events.data(), 2, false));
  EXPECT_FALSE(backlog.add(&events[1], 1, false)) << "bytes";
  EXPECT_TRUE(backlog.add(&events[2], 1, false));
  EXPECT_FALSE(backlog.add(&events[3], 1, false)) << "events";
  EXPECT_EQ(backlog.first(), 7);
  EXPECT_EQ(backlog.take().first.size(), 3U);
  EXPECT_TRUE(backlog.empty());
  EXPECT_TRUE(backlog.add(events.data(), 2, false)) << "counts anew";
}

TEST(Backlog, CountsTheVersionBeforeToo) {
  Backlog backlog(3, 100, nullptr);
  auto event = std::make_shared<store::Event>(*event_of(60, 7));
  event->previous = event_of(41, 6)->entry;
  const store::EventPtr whole = event;
  EXPECT_FALSE(backlog.add(&whole, 1, false));
}

TEST(Backlog, AReplayIsTheStoresOwn) {
  Backlog backlog(3, 100, nullptr);
  const std::vector<store::EventPtr> many(50, event_of(60, 7));
  EXPECT_TRUE(backlog.add(many.data(), many.size(), true));
  EXPECT_TRUE(backlog.add(many.data(), 1, false));
  EXPECT_FALSE(backlog.add(many.data(), 1, false));
}

TEST(Backlog, IsChargedUntilItIsTold) {
  auto account = std::make_shared<limits::Account>(10 * sizeof(store::EventPtr));
  Backlog backlog(100, 100, account);
  const std::vector<store::EventPtr> many(10, event_of(0, 7));
  EXPECT_TRUE(backlog.add(many.data(), 10, false));
  EXPECT_FALSE(backlog.add(many.data(), 1, false));
  EXPECT_EQ(account->used(), account->limit());
  {
    const auto taken = backlog.take();
    EXPECT_EQ(account->used(), account->limit());
  }
  EXPECT_EQ(account->used(), 0U);
}

TEST_F(SlowPeersTest, AreLetGoByBytes) {
  made(kMaps, config_map("a"));
  auto stream = open(watch_ + std::to_string(store_->revision()));
  stream->set_queued(kStuck);
  put("a", 300'000, 'b');
  ASSERT_TRUE(stream->wait_stalled());
  put("a", 300'000, 'c');  // with the version before: 600 KB
  EXPECT_FALSE(stream->ended());
  put("a", 300'000, 'd');
  expect_expired(*stream);
  EXPECT_EQ(stream->text().find("MODIFIED"), std::string::npos);
}

TEST_F(SlowPeersTest, AreToldNothingMoreWhenTooMuchWaits) {
  made(kMaps, config_map("a"));
  auto stream = open(watch_ + std::to_string(store_->revision()));
  stream->set_queued(5 << 20);
  for (int i = 0; i < 4; ++i) put("a", 600'000, static_cast<char>('a' + i));
  ASSERT_TRUE(stream->wait_end());
  EXPECT_EQ(stream->text(), "");
}

TEST_F(SlowPeersTest, WhoReadsInTimeMissesNothing) {
  made(kMaps, config_map("a"));
  auto stream = open(watch_ + std::to_string(store_->revision()));
  for (int i = 0; i < 6; ++i) {
    stream->set_queued(kStuck);
    put("a", 100'000, static_cast<char>('a' + i));
    ASSERT_TRUE(stream->wait_stalled());
    stream->set_queued(0);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::string text;
  do {
    text = stream->text();
  } while (std::count(text.begin(), text.end(), '\n') < 6 && std::chrono::steady_clock::now() < deadline);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 6);
  EXPECT_EQ(text.find("ERROR"), std::string::npos);
  EXPECT_FALSE(stream->ended());
}

TEST_F(SlowPeersTest, KeepNothingThatTheStoreHasLetGo) {
  made(kMaps, config_map("a"));
  auto stream = open(watch_ + std::to_string(store_->revision()));
  stream->set_queued(kStuck);
  put("a", 10, 'b');
  ASSERT_TRUE(stream->wait_stalled());
  put("a", 10, 'c');
  EXPECT_FALSE(stream->ended());
  const auto kept = std::weak_ptr(store_->get("//configmaps/default/a"));
  put("a", 10, 'd');
  store_->compact(store_->revision());
  put("a", 10, 'e');
  expect_expired(*stream);
  // The notifier may still hold the batch it is telling of.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!kept.expired() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_TRUE(kept.expired());
}

TEST_F(SlowPeersTest, AreLookedAfterWhenNothingHappens) {
  for (int i = 0; i < 3; ++i) made(kMaps, config_map("m" + std::to_string(i)));
  auto begun = std::make_shared<HeldExchange>();
  begun->held->set_queued(kStuck);  // before the first of what is there is told
  server_->handle(request("GET", std::string(kMaps) + "?watch=true"), begun);
  ASSERT_TRUE(begun->held->wait_stalled());
  auto live = open(watch_ + std::to_string(store_->revision()));
  live->set_queued(kStuck);
  put("m0", 10, 'b');
  ASSERT_TRUE(live->wait_stalled());
  store_->compact(store_->revision());
  expect_expired(*begun->held);
  expect_expired(*live);
}

TEST_F(ImpatientTest, AreLetGoByTime) {
  made(kMaps, config_map("a"));
  auto stream = open(watch_ + std::to_string(store_->revision()));
  auto idle = open(watch_ + std::to_string(store_->revision()));
  stream->set_queued(kStuck);
  put("a", 10, 'b');
  expect_expired(*stream);
  EXPECT_FALSE(idle->ended()) << "nobody waits for it";
}

TEST_F(SlowPeersTest, PayForWhatWaits) {
  auto account = std::make_shared<limits::Account>(4 * sizeof(store::EventPtr));
  made(kMaps, config_map("a"));
  auto stream = open(watch_ + std::to_string(store_->revision()), {}, account);
  stream->set_queued(kStuck);
  for (int i = 0; i < 8; ++i) put("a", 10, static_cast<char>('a' + i));
  expect_expired(*stream);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (account->used() != 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(account->used(), 0U);
}

TEST(FrameCache, WhatTwoMakeAtOnceIsOne) {
  FrameCache cache;
  const auto entry = std::make_shared<store::Entry>();
  const schema::Kind kind;
  std::barrier both(2);
  const auto make = [&] {
    both.arrive_and_wait();
    return std::string("frame");
  };
  const auto get = [&] { return cache.get(entry, {&kind, 0, 1}, make); };
  auto other = std::async(std::launch::async, get);
  const auto mine = get();
  EXPECT_EQ(mine.bytes.data(), other.get().bytes.data());
}

TEST(FrameCache, IsBoundedInBytesAndKeepsNoVersions) {
  FrameCache cache;
  const schema::Kind kind;
  std::vector<store::EntryPtr> entries;
  for (int i = 0; i < 40; ++i) {
    entries.push_back(std::make_shared<store::Entry>());
    cache.get(entries.back(), {&kind, 0, 0}, [] { return std::string(400'000, 'x'); });
    EXPECT_LE(cache.bytes(), FrameCache::kMostBytes);
  }
  EXPECT_GT(cache.bytes(), FrameCache::kMostBytes / 2);
  const auto& newest = entries.back();
  EXPECT_EQ(cache.get(newest, {&kind, 0, 0}, [] { return std::string("anew"); }).bytes.size(), 400'000U);
  EXPECT_EQ(cache.get(newest, {&kind, 0, 1}, [] { return std::string("other form"); }).bytes, "other form");
  EXPECT_EQ(newest.use_count(), 1);
  cache.get(newest, {&kind, 0, 2}, [] { return std::string(FrameCache::kMostBytes + 1, 'x'); });
  EXPECT_LE(cache.bytes(), FrameCache::kMostBytes);
  cache.clear();
  EXPECT_EQ(cache.bytes(), 0U);
}

class MadeListsTest : public SlowPeersTest {
 protected:
  void SetUp() override {
    SlowPeersTest::SetUp();
    for (int i = 0; i < 30; ++i) {
      made(kMaps, R"({"metadata":{"name":"m)" + std::to_string(i) + R"("},"data":{"k":")" + std::string(100'000, 'x') +
                      R"("}})");
    }
  }
};

TEST_F(MadeListsTest, AreMadeAsTheyAreRead) {
  auto exchange = std::make_shared<HeldExchange>();
  server_->handle(request("GET", std::string(kMaps) + "?includeObject=Object", "", "", kTable), exchange);
  auto& stream = *exchange->held;
  ASSERT_TRUE(stream.wait_stalled());
  EXPECT_LT(stream.text().size(), 1'500'000U);
  while (!stream.ended()) {
    stream.set_queued(0);
    ASSERT_TRUE(stream.wait([&] { return true; }));
    std::this_thread::yield();
  }
  const auto table = boost::json::parse(stream.text());
  EXPECT_EQ(table.at("rows").as_array().size(), 30U);
  EXPECT_EQ(table.at("rows").at(29).at("object").at("metadata").at("name"), "m9");
}

TEST_F(MadeListsTest, SayTheSameInPiecesAsWhole) {
  const std::string partial = ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  const std::string table = ";as=Table;g=meta.k8s.io;v=v1";
  for (const auto& form : {"application/json", "application/yaml"}) {
    for (const auto& as : {std::string(), partial, table}) {
      if (form == std::string("application/json") && as.empty()) continue;
      const auto answer = ask("GET", std::string(kMaps) + "?includeObject=Object", "", "", form + as);
      ASSERT_NE(answer.stream, nullptr) << form << as;
      ASSERT_TRUE(answer.stream->wait_end());
      EXPECT_EQ(answer.type, form);
      const auto text = answer.stream->text();
      const bool yaml = form == std::string("application/yaml");
      const auto document = yaml ? schema::parse_yaml(text) : schema::parse_json(text);
      ASSERT_TRUE(document.ok()) << text.substr(0, 300);
      const auto& items = document->at(as == table ? "rows" : "items").as_array();
      EXPECT_EQ(items.size(), 30U);
      if (yaml) {
        EXPECT_EQ(schema::to_yaml(*document), text) << form << as;
      } else {
        EXPECT_EQ(boost::json::serialize(*document), text) << form << as;
      }
    }
  }
}

}  // namespace
}  // namespace gantry::apiserver
