// Input that no good client sends, and clients that are slow, many, or gone: an answer or a closed
// connection, and a server that goes on.
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "core/http/server/outbox.hpp"
#include "core/http/server/testing_client.hpp"

namespace gantry::http {
namespace {

using namespace std::chrono_literals;

struct Hostile {
  const char* name;
  std::string bytes;
  const char* answer;  // what the answer begins with; empty: just closed
};

TEST(Hostile, EachGetsAnAnswerOrAClosedConnection) {
  TestServer server(echo);
  const std::string many((1 << 20) + 1, 'h');
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  const std::vector<Hostile> table = {
      {"garbage", "\x01\x02\x03\x04 garbage\r\n\r\n", "HTTP/1.1 400"},
      {"bad version", "GET / HTTP/9.9\r\n\r\n", "HTTP/1.1 505"},
      {"long header", "GET / HTTP/1.1\r\nA: " + many + "\r\n\r\n", "HTTP/1.1 431"},
      {"long target", "GET /" + many + " HTTP/1.1\r\n\r\n", "HTTP/1.1 431"},
      {"huge length", post + "Content-Length: 99999999999\r\n\r\n", "HTTP/1.1 413"},
      {"length and chunked", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400"},
      {"bad chunk", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400"},
      {"websocket without key", "GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
       "HTTP/1.1 200"},
  };
  for (const auto& [name, bytes, answer] : table) {
    SCOPED_TRACE(name);
    RawClient client(server.port(), true);
    client.send(bytes);
    std::string got = client.receive_until("\r\n\r\n");
    EXPECT_EQ(got.substr(0, std::string(answer).size()), answer);
  }
  for (const char* bytes : {"GET / HT", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"}) {
    RawClient client(server.port(), true);
    client.send(bytes);
    client.finish_sending();
    EXPECT_EQ(client.receive(), "");
  }
  EXPECT_TRUE(eventually([&] { return server.server->connections() == 0; }));
}

TEST(Hostile, BeforeTheHandshake) {
  TestServer server(echo);
  RawClient plain(server.port(), false);
  plain.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  std::string answer = plain.receive();
  EXPECT_EQ(answer.substr(0, 12), "HTTP/1.0 400");
  EXPECT_NE(answer.find("Client sent an HTTP request to an HTTPS server."), std::string::npos);
  for (const auto& bytes : {std::string("\x00\x01\x02", 3), std::string("\x16\x03\x01\xff\xff\x01", 6),
                            std::string("\x16\x03\x01\x00\x05hello", 10)}) {
    RawClient client(server.port(), false);
    client.send(bytes);
    client.finish_sending();
    client.receive();
  }
  EXPECT_TRUE(eventually([&] { return server.server->connections() == 0; }));
}

TEST(Hostile, SlowOnesAreCutOff) {
  TestServer server(echo, [](ServerOptions& options) {
    options.handshake_timeout = options.header_timeout = options.request_timeout = 200ms;
    options.idle_timeout = 200ms;
  });
  RawClient silent(server.port(), false);
  EXPECT_EQ(silent.receive(), "");
  RawClient hello(server.port(), false);
  hello.send("\x16\x03");
  EXPECT_EQ(hello.receive(), "");
  RawClient header(server.port(), true);
  header.send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(header.receive(), "");
  RawClient body(server.port(), true);
  body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab");
  EXPECT_EQ(body.receive(), "");
  RawClient idle(server.port(), true);
  idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_NE(idle.receive().find("GET / "), std::string::npos);
}

TEST(Connections, PipelinedAnswersComeInOrder) {
  std::mutex mutex;
  std::vector<std::shared_ptr<http::Exchange>> waiting;
  std::thread late;
  TestServer server([&](http::Request request, std::shared_ptr<http::Exchange> exchange) {
    if (request.path != "/0") return echo(request, exchange);
    late = std::thread([exchange] { exchange->respond(text_response("late")); });
  });
  RawClient client(server.port(), true);
  std::string all;
  for (int i = 0; i < 50; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n";
  all += "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
  client.send(all);
  std::string got = client.receive();
  size_t at = got.find("late");
  for (int i = 1; i < 50; ++i) {
    size_t next = got.find("GET /" + std::to_string(i) + " ");
    EXPECT_GT(next, at);
    at = next;
  }
  EXPECT_NE(got.find("GET /last"), std::string::npos);
  late.join();
}

TEST(Connections, ExpectContinueIsAnswered) {
  TestServer server(echo);
  RawClient client(server.port(), true);
  client.send("POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_NE(client.receive_until("ok").find("POST /x ok"), std::string::npos);
}

// A watch for each connection, written to from the test.
struct Watches {
  std::mutex mutex;
  std::vector<std::shared_ptr<http::Stream>> streams;
  std::atomic<int> closed{0};
  void handle(const http::Request&, const std::shared_ptr<http::Exchange>& exchange) {
    auto stream = exchange->start_stream(200, "application/json");
    stream->on_close([this] { ++closed; });
    std::lock_guard lock(mutex);
    streams.push_back(std::move(stream));
  }
  size_t size() {
    std::lock_guard lock(mutex);
    return streams.size();
  }
};

TEST(Streams, SlowReaderDiesAtTheBoundAndNobodyElse) {
  Watches watches;
  TestServer server([&](const http::Request& r, const std::shared_ptr<http::Exchange>& e) { watches.handle(r, e); },
                    [](ServerOptions& options) { options.stream_bound = 1 << 20; });
  RawClient slow(server.port(), true, 4096);
  slow.send("GET /w HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return watches.size() == 1; }));
  RawClient quick(server.port(), true);
  quick.send("GET /w HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(eventually([&] { return watches.size() == 2; }));
  auto text = std::make_shared<const std::string>(10000, 'e');
  bool alive = true;
  for (int i = 0; i < 100000 && alive; ++i) {
    alive = watches.streams[0]->write({{*text, text}});
    ASSERT_LE(watches.streams[0]->queued(), 1U << 20);
  }
  EXPECT_FALSE(alive);
  EXPECT_TRUE(eventually([&] { return watches.closed == 1; }));
  EXPECT_TRUE(watches.streams[1]->write({{"hello\n", nullptr}}));
  EXPECT_NE(quick.receive_until("hello").find("hello"), std::string::npos);
}

// Whenever it comes: between a wake and the taking, too, for which no second wake is asked.
TEST(Streams, WhoTakesIsToldOfTooMuch) {
  auto loop = io::EventLoop::start("test");
  Outbox outbox(loop, {}, 10, nullptr);
  std::deque<http::Chunk> taken;
  EXPECT_TRUE(outbox.push(http::Chunk{"12345", nullptr}));
  EXPECT_TRUE(outbox.take(taken));
  ASSERT_EQ(taken.size(), 1U);
  EXPECT_TRUE(outbox.push(http::Chunk{"12345", nullptr}));
  EXPECT_FALSE(outbox.push(http::Chunk{"6", nullptr}));
  EXPECT_FALSE(outbox.take(taken));
  EXPECT_EQ(taken.size(), 1U);
}

TEST(Streams, PeerThatLeavesIsNoticed) {
  Watches watches;
  TestServer server([&](const http::Request& r, const std::shared_ptr<http::Exchange>& e) { watches.handle(r, e); });
  {
    RawClient client(server.port(), true);
    client.send("GET /w HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return watches.size() == 1; }));
  }
  EXPECT_TRUE(eventually([&] { return watches.closed == 1; }));
  EXPECT_FALSE(watches.streams[0]->write({{"x", nullptr}}));
}

size_t resident_bytes() {
  std::ifstream in("/proc/self/statm");
  size_t total = 0, resident = 0;
  in >> total >> resident;
  return resident * 4096;
}

TEST(Streams, ManyIdleWatchesAreCheapAndAllServed) {
  constexpr size_t kCount = 300;
  Watches watches;
  TestServer server([&](const http::Request& r, const std::shared_ptr<http::Exchange>& e) { watches.handle(r, e); });
  std::vector<RawClient> clients;
  size_t before = resident_bytes();
  for (size_t i = 0; i < kCount; ++i) {
    clients.emplace_back(server.port(), true);
    clients.back().send("GET /w HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  ASSERT_TRUE(eventually([&] { return watches.size() == kCount; }));
  size_t each = (resident_bytes() - before) / kCount;
  // Both ends live in this process.
  RecordProperty("bytes_per_watch_and_client", static_cast<int>(each));
#ifndef GANTRY_SANITIZED
  EXPECT_LT(each, 80U << 10);
#endif
  for (auto& stream : watches.streams) EXPECT_TRUE(stream->write({{"event\n", nullptr}}));
  for (auto& client : clients) EXPECT_NE(client.receive_until("event"), "");
  server.server->stop(5s);
  EXPECT_EQ(watches.closed, static_cast<int>(kCount));
  EXPECT_EQ(server.server->connections(), 0U);
}

TEST(Stop, LetsARequestFinish) {
  std::promise<std::shared_ptr<http::Exchange>> got;
  TestServer server([&](http::Request, std::shared_ptr<http::Exchange> exchange) { got.set_value(exchange); });
  RawClient client(server.port(), true);
  client.send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
  auto exchange = got.get_future().get();
  std::thread stopper([&] { server.server->stop(10s); });
  exchange->respond(text_response("done"));
  exchange.reset();
  EXPECT_NE(client.receive().find("done"), std::string::npos);
  stopper.join();
}

}  // namespace
}  // namespace gantry::http
