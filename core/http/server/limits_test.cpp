// Bytes have bounds: what is refused, and that what was held comes back.
#include <future>

#include "core/http/server/testing_client.hpp"

namespace gantry::http {
namespace {

using namespace std::chrono_literals;
using testing::Test;

Status only_known(const http::Request& request) {
  if (!request.identity.anonymous() || request.path == "/healthz") return {};
  return Status::unauthorized("Unauthorized");
}

TEST(Bodies, OfWhoMayNotSendThemAreNotTaken) {
  std::atomic<int> handled{0};
  TestServer server([&](http::Request r, std::shared_ptr<http::Exchange> e) {
    ++handled;
    echo(std::move(r), std::move(e));
  });
  server.handler.check = &only_known;
  RawClient waits(server.port(), true);
  waits.send(head("POST", "/api", 3 << 20));
  const auto answer = waits.receive();  // until it closes
  EXPECT_EQ(code_of(answer), "HTTP/1.1 401");
  EXPECT_NE(answer.find("Connection: close"), std::string::npos);
  RawClient asks(server.port(), true);
  asks.send(head("POST", "/api", 10, "Expect: 100-continue\r\n"));
  EXPECT_EQ(code_of(asks.receive()), "HTTP/1.1 401") << "before any 100";
  RawClient sends(server.port(), true);
  sends.send(head("POST", "/api", 3 << 20) + std::string(512 << 10, 'x'));
  EXPECT_EQ(code_of(sends.receive()), "HTTP/1.1 401");
  RawClient chunks(server.port(), true);
  chunks.send("POST /api HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(code_of(chunks.receive()), "HTTP/1.1 401");
  EXPECT_EQ(handled, 0);
  auto admin = RawClient::admin(server);
  admin.send(head("POST", "/api", 2) + "ok");
  EXPECT_NE(admin.receive_until("POST /api ok").find("POST /api ok"), std::string::npos);
}

TEST(Bodies, OfWrongCredentialsAreNotTakenEither) {
  Heard heard;
  TestServer server(echo, [&](ServerOptions& options) { options.notices = &heard.notices; });
  RawClient client(server.port(), true);
  client.send(head("POST", "/api", 3 << 20, "Authorization: Bearer nope\r\n"));
  EXPECT_EQ(code_of(client.receive()), "HTTP/1.1 401");
  EXPECT_EQ(heard.count("credentials-refused"), 1U);
  EXPECT_NE(heard.last.find("its token is not known"), std::string::npos) << heard.last;
  // With nothing left to read, the connection goes on.
  RawClient again(server.port(), true);
  again.send(get("/a", "Authorization: Bearer nope\r\n") + get("/b"));
  const auto both = again.receive_until("GET /b");
  EXPECT_EQ(code_of(both), "HTTP/1.1 401");
  EXPECT_NE(both.find("GET /b"), std::string::npos);
}

TEST(Bodies, OfStrangersToOpenPathsAreSmall) {
  TestServer server(echo);
  server.handler.check = &only_known;
  RawClient large(server.port(), true);
  large.send(head("POST", "/healthz", (64 << 10) + 1));
  EXPECT_EQ(code_of(large.receive()), "HTTP/1.1 413");
  RawClient small(server.port(), true);
  small.send(head("POST", "/healthz", 64 << 10));
  small.send(std::string(64 << 10, 'x'));
  EXPECT_EQ(code_of(small.receive_until("\r\n\r\n")), "HTTP/1.1 200");
}

TEST(Bodies, ThatAreALittleTooLargeAreTakenFromWhoIsKnown) {
  constexpr size_t kLimit = 6 << 20;
  TestServer server(echo, [](ServerOptions& options) { options.body_limit = kLimit; });
  auto admin = RawClient::admin(server);
  EXPECT_TRUE(admin.send(head("POST", "/", kLimit + 1) + std::string(kLimit + 1, 'x'))) << "or he hears no answer";
  EXPECT_EQ(code_of(admin.receive()), "HTTP/1.1 413");
}

TEST(Memory, BodiesUnderWayAreCountedFromTheirHead) {
  Heard heard;
  TestServer server(echo, [&](ServerOptions& options) {
    options.memory = 1 << 20;
    options.notices = &heard.notices;
  });
  auto first = RawClient::admin(server), second = RawClient::admin(server);
  first.send(head("POST", "/1", 600'000, "Expect: 100-continue\r\n"));
  EXPECT_EQ(first.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  second.send(head("POST", "/2", 600'000));
  const auto refused = second.receive();
  EXPECT_EQ(code_of(refused), "HTTP/1.1 429");
  EXPECT_NE(refused.find("Retry-After: 1\r\n"), std::string::npos);
  EXPECT_EQ(heard.count("memory-full"), 1U);
  first.send(std::string(600'000, 'x'));
  EXPECT_EQ(code_of(first.receive_until("\r\n\r\n")), "HTTP/1.1 200");
  EXPECT_TRUE(eventually([&] {
    auto third = RawClient::admin(server);
    third.send(head("POST", "/3", 600'000, "Expect: 100-continue\r\n"));
    return third.receive_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n";
  }));
}

TEST(Memory, OfOneConnection) {
  TestServer server(echo, [](ServerOptions& options) { options.connection_memory = 100'000; });
  auto admin = RawClient::admin(server);
  admin.send(head("POST", "/", 200'000));
  EXPECT_EQ(code_of(admin.receive()), "HTTP/1.1 413") << "later is no better";
  auto other = RawClient::admin(server);
  other.send(get("/a?" + std::string(200'000, 'q')));
  EXPECT_EQ(code_of(other.receive()), "HTTP/1.1 413");
  auto grows = RawClient::admin(server);
  grows.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n15f90\r\n" + std::string(90'000, 'x') +
             "\r\n0\r\n\r\n");
  EXPECT_EQ(code_of(grows.receive_until("\r\n")), "HTTP/1.1 413") << "its buffer doubles";
}

TEST(Memory, WhoAsksForMoreThanThereIsHearsHowMuchThereIs) {
  TestServer server(echo, [](ServerOptions& options) { options.anonymous_memory = 50'000; });
  RawClient stranger(server.port(), true);
  stranger.send(get("/a?" + std::string(60'000, 'q')));
  const auto answer = stranger.receive();
  EXPECT_EQ(code_of(answer), "HTTP/1.1 413");
  EXPECT_NE(answer.find("limit is 50000\""), std::string::npos) << answer;
}

TEST(Memory, StrangersHaveAShareOfTheirOwn) {
  TestServer server(echo, [](ServerOptions& options) { options.anonymous_memory = 256 << 10; });
  RawClient half(server.port(), true);
  half.send(head("POST", "/a", 60'000, "Expect: 100-continue\r\nA: " + std::string(140 << 10, 'h') + "\r\n"));
  EXPECT_EQ(half.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  RawClient stranger(server.port(), true);
  stranger.send(get("/a", "A: " + std::string(100 << 10, 'h') + "\r\n"));
  EXPECT_EQ(code_of(stranger.receive_until("\r\n")), "HTTP/1.1 429");
  RawClient little(server.port(), true);
  little.send(get("/healthz"));
  EXPECT_EQ(code_of(little.receive_until("\r\n")), "HTTP/1.1 200") << "there is always room for a little";
  auto admin = RawClient::admin(server);
  admin.send(get("/a", "A: " + std::string(500 << 10, 'h') + "\r\n"));
  EXPECT_EQ(code_of(admin.receive_until("\r\n")), "HTTP/1.1 200");
}

// Answers of 8 MB: of their own, or of bytes that all share.
class Answers {
 public:
  explicit Answers(size_t memory)
      : server([this](http::Request r, std::shared_ptr<http::Exchange> e) { handle(r, *e); },
               [&](ServerOptions& options) { options.memory = memory; }) {}
  void handle(const http::Request& request, http::Exchange& exchange) {
    http::Response response;
    if (request.path == "/shared") {
      response.body.push_back({*text_, text_});
    } else if (request.path != "/small") {
      response.body.push_back(io::own(*text_));
    }
    exchange.respond(std::move(response));
  }
  std::unique_ptr<RawClient> slow(const std::string& request) {
    auto client = std::make_unique<RawClient>(RawClient::admin(server, 4096));
    client->send(request);
    return client;
  }
  static std::string code(RawClient& client) { return code_of(client.receive_until("\r\n")); }

 private:
  std::shared_ptr<const std::string> text_ = std::make_shared<const std::string>(8 << 20, 'a');

 public:
  TestServer server;
};

TEST(Memory, AnswersAreCountedUntilTheyAreRead) {
  Answers answers(16 << 20);
  auto one = answers.slow(get("/own")), two = answers.slow(get("/own"));
  EXPECT_EQ(Answers::code(*one), "HTTP/1.1 200");
  EXPECT_EQ(Answers::code(*two), "HTTP/1.1 200");
  auto three = answers.slow(get("/own")), shared = answers.slow(get("/shared")),
       write = answers.slow(head("PUT", "/", 0));
  EXPECT_EQ(Answers::code(*three), "HTTP/1.1 429");
  EXPECT_EQ(Answers::code(*shared), "HTTP/1.1 200") << "bytes of the store cost nothing";
  EXPECT_EQ(Answers::code(*write), "HTTP/1.1 200") << "what is done is said";
  one.reset();
  two.reset();
  write.reset();
  EXPECT_TRUE(eventually([&] { return Answers::code(*answers.slow(get("/own"))) == "HTTP/1.1 200"; }));
}

TEST(Memory, StreamsOfTheirOwnEndWhereTheAccountDoes) {
  std::promise<std::shared_ptr<http::Stream>> got;
  TestServer server(
      [&](http::Request, std::shared_ptr<http::Exchange> e) { got.set_value(e->start_stream(200, "a/b")); },
      [](ServerOptions& options) {
        options.connection_memory = 1 << 20;
        options.memory = 3 << 19;
      });
  auto client = RawClient::admin(server, 4096);
  client.send(get("/w"));
  auto stream = got.get_future().get();
  EXPECT_EQ(code_of(client.receive_until("\r\n\r\n")), "HTTP/1.1 200");
  auto shared = std::make_shared<const std::string>(100'000, 's');
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(stream->write({{*shared, shared}}));
  std::promise<void> closed;
  stream->on_close([&] { closed.set_value(); });
  bool alive = true;
  for (int i = 0; i < 200 && alive; ++i) alive = stream->write({io::own(std::string(10'000, 'o'))});
  EXPECT_FALSE(alive);
  closed.get_future().wait();
  auto other = RawClient::admin(server);
  other.send(head("POST", "/", 900'000, "Expect: 100-continue\r\n"));
  EXPECT_EQ(code_of(other.receive_until("\r\n")), "HTTP/1.1 100") << "an ended stream holds nothing";
}

TEST(Memory, StreamsPayForWhatIsNotReadYet) {
  std::promise<std::shared_ptr<http::Stream>> got;
  TestServer server(
      [&](http::Request, std::shared_ptr<http::Exchange> e) { got.set_value(e->start_stream(200, "a/b")); },
      [](ServerOptions& options) { options.connection_memory = 1 << 20; });
  auto client = RawClient::admin(server);
  client.send(get("/w"));
  auto stream = got.get_future().get();
  constexpr size_t kPart = 100'000;
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(stream->write({io::own(std::string(kPart, 'o'))})) << i;
    ASSERT_GE(client.receive(kPart).size(), kPart);
  }
}

TEST(Slow, ReadersOfAFewBytesAreLetGo) {
  Heard heard;
  TestServer server(
      [](http::Request, std::shared_ptr<http::Exchange> e) { e->respond(text_response(std::string(8 << 20, 'a'))); },
      [&](ServerOptions& options) {
        options.stall_timeout = 200ms;
        options.stall_bytes = 1 << 20;
        options.notices = &heard.notices;
      });
  auto slow = RawClient::admin(server, 4096);
  slow.send(get("/"));
  size_t taken = 0;
  char byte = 0;
  // A byte at a time off the wire, as fast as it goes.
  while (::recv(slow.fd(), &byte, 1, 0) == 1) ++taken;
  EXPECT_LT(taken, size_t{8} << 20);
  EXPECT_EQ(heard.count("slow-readers"), 1U);
  auto quick = RawClient::admin(server);
  quick.send(get("/", "Connection: close\r\n"));
  EXPECT_GT(quick.receive().size(), size_t{8} << 20);
}

}  // namespace
}  // namespace gantry::http
