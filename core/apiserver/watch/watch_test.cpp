// Watches: where they begin, what they say, how they end; slow peers, peers that leave, sharing of bytes.
#include "core/apiserver/test_server.hpp"

namespace gantry::apiserver {
namespace {

// A peer that reads when it is told to.
class SlowStream : public http::Stream, public Waitable {
 public:
  bool write(std::vector<http::Chunk> message) override {
    change([&] {
      for (const auto& chunk : message) queued_ += chunk.bytes.size();
      ++messages_;
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
  void drain() {
    std::function<void()> ready;
    change([&] {
      queued_ = 0;
      ready = std::exchange(ready_, nullptr);
    });
    if (ready) ready();
  }
  bool wait_stalled() {
    return wait([this] { return ready_ != nullptr; });
  }
  bool wait_messages(size_t count) {
    return wait([=, this] { return messages_ >= count; });
  }
  bool wait_end() {
    return wait([this] { return ended_; });
  }
  size_t messages() {
    std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  std::atomic<size_t> queued_{0};
  size_t messages_ = 0;
  bool ended_ = false;
  std::function<void()> ready_;
};

class SlowExchange : public FakeExchange {
 public:
  std::shared_ptr<http::Stream> start_stream(int, std::string) override { return slow; }
  std::shared_ptr<SlowStream> slow = std::make_shared<SlowStream>();
};

// Keeps where the bytes of events are.
class PointerStream : public http::Stream, public Waitable {
 public:
  bool write(std::vector<http::Chunk> message) override {
    change([&] {
      for (auto& chunk : message) chunks_.push_back(std::move(chunk));
    });
    return true;
  }
  size_t queued() const override { return 0; }
  void when_drained(std::function<void()> ready) override { ready(); }
  void end() override {}
  void on_close(std::function<void()>) override {}
  std::vector<http::Chunk> wait_chunks(size_t count) {
    EXPECT_TRUE(wait([=, this] { return chunks_.size() >= count; }));
    std::lock_guard lock(mutex_);
    return chunks_;
  }

 private:
  std::vector<http::Chunk> chunks_;
};

class PointerExchange : public FakeExchange {
 public:
  std::shared_ptr<http::Stream> start_stream(int, std::string) override { return stream; }
  std::shared_ptr<PointerStream> stream = std::make_shared<PointerStream>();
};

class WatchTest : public ServerTest {
 protected:
  Options options() override {
    auto out = ServerTest::options();
    out.bookmark_interval_ms = 20;
    return out;
  }
  std::shared_ptr<FakeStream> watch(const std::string& path, const std::string& accept = {}) {
    auto answer = ask(request("GET", path, "", "", accept));
    EXPECT_EQ(answer.code, 200) << answer.body;
    EXPECT_NE(answer.stream, nullptr) << answer.body;
    type_ = answer.type;
    return answer.stream;
  }
  // The types and names of the events so far, bookmarks left out.
  static std::string told(FakeStream& stream) {
    std::string out, text = stream.text();
    for (size_t at = 0, end = 0; (end = text.find('\n', at)) != std::string::npos; at = end + 1) {
      const auto event = boost::json::parse(text.substr(at, end - at));
      const auto type = text_at(event, {"type"});
      if (type == "BOOKMARK") continue;
      out.append(out.empty() ? "" : " ")
          .append(type)
          .append(":")
          .append(text_at(event, {"object", "metadata", "name"}));
    }
    return out;
  }
  static bool wait_told(FakeStream& stream, const std::string& what) {
    stream.wait([&] { return true; });
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (told(stream) != what && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return told(stream) == what;
  }
  void label(const std::string& name, const std::string& json) {
    EXPECT_EQ(
        ask("PATCH", std::string(kMaps) + "/" + name, "{\"metadata\":{\"labels\":" + json + "}}", kMergePatch).code,
        200);
  }
  std::string type_;
};

TEST_F(WatchTest, BeginsWithWhatIsThereUnlessAVersionIsGiven) {
  made(kMaps, config_map("a"));
  const auto version = std::to_string(store_->revision());
  auto all = watch(std::string(kMaps) + "?watch=true");
  EXPECT_EQ(type_, "application/json");
  auto any = watch(std::string(kMaps) + "?watch=1&resourceVersion=0");
  auto later = watch(std::string(kMaps) + "?watch=true&resourceVersion=" + version);
  made(kMaps, config_map("b"));
  EXPECT_EQ(ask("DELETE", std::string(kMaps) + "/a").code, 200);
  EXPECT_TRUE(wait_told(*all, "ADDED:a ADDED:b DELETED:a")) << told(*all);
  EXPECT_TRUE(wait_told(*any, "ADDED:a ADDED:b DELETED:a"));
  EXPECT_TRUE(wait_told(*later, "ADDED:b DELETED:a")) << told(*later);
}

TEST_F(WatchTest, ReplaysFromAVersion) {
  const auto version = std::to_string(store_->revision());
  made(kMaps, config_map("a"));
  label("a", R"({"x":"1"})");
  auto stream = watch(std::string(kMaps) + "?watch=true&resourceVersion=" + version);
  EXPECT_TRUE(wait_told(*stream, "ADDED:a MODIFIED:a")) << told(*stream);
}

TEST_F(WatchTest, SelectorsMakeTransitions) {
  made(kMaps, config_map("a", R"(,"labels":{"x":"1"})"));
  made(kMaps, config_map("b"));
  auto stream = watch(std::string(kMaps) + "?watch=true&labelSelector=x=1");
  label("b", R"({"x":"1"})");
  label("a", R"({"y":"1"})");
  label("a", R"({"x":"2"})");
  const auto left = std::to_string(store_->revision());
  label("a", R"({"x":"3"})");
  EXPECT_EQ(ask("DELETE", std::string(kMaps) + "/a").code, 200);
  EXPECT_EQ(ask("DELETE", std::string(kMaps) + "/b").code, 200);
  EXPECT_TRUE(wait_told(*stream, "ADDED:a ADDED:b MODIFIED:a DELETED:a DELETED:b")) << told(*stream);
  // What stopped matching is told as it last was, at the revision of the change.
  const auto text = stream->text();
  EXPECT_EQ(text.find("\"x\":\"2\""), std::string::npos);
  const auto begin = text.find(R"({"type":"DELETED")");
  const auto gone = boost::json::parse(text.substr(begin, text.find('\n', begin) - begin));
  EXPECT_EQ(text_at(gone, {"object", "metadata", "resourceVersion"}), left);
  EXPECT_EQ(text_at(gone, {"object", "metadata", "labels", "y"}), "1");
}

TEST_F(WatchTest, OneObjectByName) {
  made(kMaps, config_map("a"));
  made(kMaps, config_map("aa"));
  auto stream = watch(std::string(kMaps) + "?watch=true&fieldSelector=metadata.name%3Da");
  label("aa", R"({"x":"1"})");
  label("a", R"({"x":"1"})");
  EXPECT_TRUE(wait_told(*stream, "ADDED:a MODIFIED:a")) << told(*stream);
}

// What is there comes from the index, once a list has made it, and at the same revision as what changes.
TEST_F(WatchTest, BeginsWithWhatAnIndexedFieldSelects) {
  constexpr const char* kPods = "/api/v1/namespaces/default/pods";
  const auto pod = [](const std::string& name, const std::string& node) {
    return R"({"metadata":{"name":")" + name + R"("},"spec":{"nodeName":")" + node +
           R"(","containers":[{"name":"c","image":"i"}]}})";
  };
  made(kPods, pod("a", "n1"));
  made(kPods, pod("b", "n2"));
  const std::string query = "?watch=true&fieldSelector=spec.nodeName%3Dn1";
  auto looked_through = watch(kPods + query);
  EXPECT_EQ(ask("GET", std::string(kPods) + "?fieldSelector=spec.nodeName%3Dn1").code, 200);
  auto found = watch("/api/v1/pods" + query);
  auto none = watch("/api/v1/namespaces/other/pods" + query);
  made(kPods, pod("c", "n1"));
  made(kPods, pod("d", "n2"));
  EXPECT_EQ(ask("DELETE", std::string(kPods) + "/a?gracePeriodSeconds=0").code, 200);
  EXPECT_TRUE(wait_told(*looked_through, "ADDED:a ADDED:c DELETED:a")) << told(*looked_through);
  EXPECT_TRUE(wait_told(*found, "ADDED:a ADDED:c DELETED:a")) << told(*found);
  EXPECT_EQ(told(*none), "");
}

TEST_F(WatchTest, OldVersionsAreGone) {
  made(kMaps, config_map("a"));
  made(kMaps, config_map("b"));
  store_->compact(store_->revision());
  auto stream = watch(std::string(kMaps) + "?watch=true&resourceVersion=1");
  ASSERT_TRUE(stream->wait_end());
  const auto event = boost::json::parse(stream->text());
  EXPECT_EQ(event.at("type"), "ERROR");
  EXPECT_EQ(event.at("object").at("code"), 410);
  EXPECT_EQ(event.at("object").at("reason"), "Expired");
}

TEST_F(WatchTest, BookmarksTellHowFarItIs) {
  auto with = watch(std::string(kMaps) + "?watch=true&allowWatchBookmarks=true");
  auto without = watch(std::string(kMaps) + "?watch=true");
  made("/api/v1/namespaces/default/secrets", R"({"metadata":{"name":"s"}})");
  const auto version = std::to_string(store_->revision());
  EXPECT_TRUE(with->wait_text(
      R"({"type":"BOOKMARK","object":{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":")" + version +
      "\""))
      << with->text();
  EXPECT_EQ(without->text(), "");
}

TEST_F(WatchTest, InitialEventsEndWithABookmark) {
  made(kMaps, config_map("a"));
  const auto version = std::to_string(store_->revision());
  auto stream = watch(std::string(kMaps) +
                      "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
  ASSERT_TRUE(stream->wait_text("k8s.io/initial-events-end"));
  const auto text = stream->text();
  const auto bookmark =
      boost::json::parse(text.substr(text.find('\n') + 1, text.find('\n', text.find('\n') + 1) - text.find('\n') - 1));
  EXPECT_EQ(bookmark.at("type"), "BOOKMARK");
  EXPECT_EQ(text_at(bookmark, {"object", "metadata", "resourceVersion"}), version);
  EXPECT_EQ(text_at(bookmark, {"object", "metadata", "annotations", "k8s.io/initial-events-end"}), "true");
  auto skipped = watch(std::string(kMaps) + "?watch=true&sendInitialEvents=false&resourceVersionMatch=NotOlderThan");
  made(kMaps, config_map("b"));
  EXPECT_TRUE(wait_told(*skipped, "ADDED:b")) << told(*skipped);
  const std::string initial = "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
  auto unmarked = watch(kMaps + initial);
  made(kMaps, config_map("c"));
  EXPECT_TRUE(wait_told(*unmarked, "ADDED:a ADDED:b ADDED:c")) << told(*unmarked);
  EXPECT_EQ(unmarked->text().find("BOOKMARK"), std::string::npos) << "nobody asked for bookmarks";
  EXPECT_EQ(ask("GET", kMaps + initial + "&resourceVersion=999999").code, 504);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?watch=true&sendInitialEvents=true").code, 422);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?watch=true&resourceVersionMatch=NotOlderThan&resourceVersion=1").code,
            422);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?watch=true&resourceVersion=abc").code, 400);
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?watch=true", "", "", "application/yaml").code, 406);
}

TEST_F(WatchTest, EndsAtItsTimeout) {
  auto stream = watch(std::string(kMaps) + "?watch=true&timeoutSeconds=1");
  EXPECT_TRUE(stream->wait_end());
}

TEST_F(WatchTest, ATimeoutIsClampedAndANegativeOneIsOver) {
  std::vector<std::shared_ptr<FakeStream>> endless;
  for (const std::string seconds : {"9223372036", "9223372037", "9223372036854775807"}) {
    endless.push_back(watch(std::string(kMaps) + "?watch=true&timeoutSeconds=" + seconds));
  }
  for (const std::string seconds : {"-1", "-9223372036854775808"}) {
    EXPECT_TRUE(watch(std::string(kMaps) + "?watch=true&timeoutSeconds=" + seconds)->wait_end());
  }
  made(kMaps, config_map("a"));
  for (auto& stream : endless) EXPECT_TRUE(wait_told(*stream, "ADDED:a")) << "still there";
  EXPECT_EQ(ask("GET", std::string(kMaps) + "?watch=true&timeoutSeconds=9223372036854775808").code, 400);
}

TEST_F(WatchTest, TablesAndMetadataAlone) {
  auto table = watch(std::string(kMaps) + "?watch=true", "application/json;as=Table;v=v1;g=meta.k8s.io");
  auto partial =
      watch(std::string(kMaps) + "?watch=true", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
  made(kMaps, config_map("a"));
  made(kMaps, config_map("b"));
  ASSERT_TRUE(table->wait_text("\"b\""));
  const auto text = table->text();
  const auto first = boost::json::parse(text.substr(0, text.find('\n')));
  EXPECT_EQ(first.at("type"), "ADDED");
  EXPECT_EQ(first.at("object").at("kind"), "Table");
  EXPECT_EQ(first.at("object").at("columnDefinitions").at(0).at("name"), "Name");
  EXPECT_EQ(first.at("object").at("rows").at(0).at("cells").at(0), "a");
  const auto second = boost::json::parse(text.substr(text.find('\n') + 1));
  EXPECT_TRUE(second.at("object").at("columnDefinitions").is_null());
  ASSERT_TRUE(wait_told(*partial, "ADDED:a ADDED:b"));
  EXPECT_NE(partial->text().find("PartialObjectMetadata"), std::string::npos);
  EXPECT_EQ(partial->text().find("\"data\""), std::string::npos);
}

TEST_F(WatchTest, BytesAreSharedByAllWatchers) {
  const std::vector<std::string> forms = {"application/json", "application/vnd.kubernetes.protobuf",
                                          "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
                                          "application/json;as=Table;v=v1;g=meta.k8s.io"};
  std::vector<std::shared_ptr<PointerExchange>> watchers;
  for (const auto& form : forms) {
    for (int i = 0; i < 2; ++i) {
      watchers.push_back(std::make_shared<PointerExchange>());
      server_->handle(request("GET", std::string(kMaps) + "?watch=true", "", "", form), watchers.back());
    }
  }
  made(kMaps, config_map("a"));
  for (size_t i = 0; i < watchers.size(); i += 2) {
    const size_t count = i < 4 ? 3 : 1, object = i < 4 ? 1 : 0;
    const auto one = watchers[i]->stream->wait_chunks(count), two = watchers[i + 1]->stream->wait_chunks(count);
    EXPECT_EQ(one[object].bytes.data(), two[object].bytes.data()) << forms[i / 2];
  }
}

TEST_F(WatchTest, ASlowPeerIsWaitedForAndThenDropped) {
  const std::string big(600'000, 'x');
  const std::string body = R"({"metadata":{"name":"big"},"data":{"k":")" + big + R"("}})";
  made(kMaps, body);
  auto exchange = std::make_shared<SlowExchange>();
  server_->handle(request("GET", std::string(kMaps) + "?watch=true"), exchange);
  auto& stream = *exchange->slow;
  ASSERT_TRUE(stream.wait_messages(1));
  label("big", R"({"n":"1"})");
  ASSERT_TRUE(stream.wait_stalled());
  const size_t before = stream.messages();
  label("big", R"({"n":"2"})");
  label("big", R"({"n":"3"})");
  EXPECT_EQ(stream.messages(), before);
  stream.drain();
  EXPECT_TRUE(stream.wait_messages(before + 2));
  server_->stop();
  EXPECT_TRUE(stream.wait_end());
}

TEST_F(WatchTest, PeersMayLeaveAtAnyTime) {
  std::vector<std::shared_ptr<FakeStream>> streams;
  for (int i = 0; i < 20; ++i) streams.push_back(watch(std::string(kMaps) + "?watch=true"));
  made(kMaps, config_map("a"));
  for (auto& stream : streams) stream->disconnect();
  made(kMaps, config_map("b"));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (store_->stats().watchers != 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  EXPECT_EQ(store_->stats().watchers, 0);
}

}  // namespace
}  // namespace gantry::apiserver
