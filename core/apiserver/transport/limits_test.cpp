// Bytes and connections have bounds: what is refused, who makes room, and that what was held comes back.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/un.h>

#include <future>
#include <mutex>
#include <set>

#include "core/apiserver/transport/testing_client.hpp"
#include "core/limits/notices.hpp"

namespace gantry::transport {
namespace {

using namespace std::chrono_literals;
using testing::Test;

struct Heard {
  std::mutex mutex;
  std::multiset<std::string> topics;
  std::string last;
  limits::Notices notices{{[this](std::string_view, int32_t, std::string_view text) {
                             const std::lock_guard lock(mutex);
                             last = text;
                           },
                           [this](std::string_view topic) {
                             const std::lock_guard lock(mutex);
                             topics.emplace(topic);
                           },
                           [] { return int64_t{0}; }}};
  size_t count(const std::string& topic) {
    const std::lock_guard lock(mutex);
    return topics.count(topic);
  }
};

std::string head(const std::string& method, const std::string& path, size_t length, const std::string& more = {}) {
  return method + " " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "Content-Length: " + std::to_string(length) +
         "\r\n\r\n";
}
std::string get(const std::string& path, const std::string& more = {}) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
}
std::string code_of(const std::string& answer) { return answer.substr(0, 12); }

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
  EXPECT_EQ(code_of(admin.receive()), "HTTP/1.1 429");
  auto other = RawClient::admin(server);
  other.send(get("/a?" + std::string(200'000, 'q')));
  EXPECT_EQ(code_of(other.receive()), "HTTP/1.1 429");
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
      [](ServerOptions& options) { options.connection_memory = 1 << 20; });
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

TEST(Room, IdleStrangersMakeItForOthers) {
  Heard heard;
  TestServer server(echo, [&](ServerOptions& options) {
    options.anonymous_connections = 4;
    options.notices = &heard.notices;
  });
  std::vector<RawClient> strangers;
  for (int i = 0; i < 60; ++i) {
    strangers.emplace_back(server.port(), true);
    strangers.back().send(get("/healthz"));
    EXPECT_EQ(code_of(strangers.back().receive_until("/healthz ")), "HTTP/1.1 200") << i;
  }
  EXPECT_LE(server.server->connections(), 4U + 16U);
  EXPECT_GT(heard.count("connections-full"), 0U);
  EXPECT_EQ(strangers.front().receive(), "") << "who was idle longest is gone";
  strangers.back().send(get("/again"));
  EXPECT_NE(strangers.back().receive_until("/again ").find("/again"), std::string::npos);
}

TEST(Room, WhoIsKnownGivesWayToNobody) {
  TestServer server(echo, [](ServerOptions& options) { options.max_connections = 2; });
  std::vector<RawClient> known;
  for (int i = 0; i < 18; ++i) {
    known.push_back(RawClient::admin(server));
    known.back().send(get("/a"));
    EXPECT_EQ(code_of(known.back().receive_until("/a ")), "HTTP/1.1 200") << i;
  }
  RawClient late(server.port(), false);
  late.send("GET");
  EXPECT_EQ(late.receive(), "");
  known.front().send(get("/b"));
  EXPECT_EQ(code_of(known.front().receive_until("/b ")), "HTTP/1.1 200");
}

io::UniqueFd connect_unix(const TestServer& server) {
  io::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  timeval limit{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = server.directory + "/api.sock";
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  return fd;
}

std::string ask_unix(const io::UniqueFd& fd) {
  const auto text = get("/admin");
  if (::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return {};
  char buffer[4096];
  const auto n = ::recv(fd.get(), buffer, sizeof(buffer), 0);
  return code_of(std::string(buffer, n > 0 ? static_cast<size_t>(n) : 0));
}

TEST(Room, TheUnixSocketHasItsOwn) {
  TestServer server(echo, [](ServerOptions& options) {
    options.max_connections = options.anonymous_connections = 1;
    options.local_connections = 2;
  });
  std::vector<RawClient> strangers;
  for (int i = 0; i < 17; ++i) strangers.emplace_back(server.port(), false);
  EXPECT_TRUE(eventually([&] { return server.server->connections() >= 1; }));
  const auto one = connect_unix(server), two = connect_unix(server);
  EXPECT_EQ(ask_unix(one), "HTTP/1.1 200");
  EXPECT_EQ(ask_unix(two), "HTTP/1.1 200");
  EXPECT_EQ(ask_unix(connect_unix(server)), "") << "a third";
}

// Lowers the soft limit for as long as it lives.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(rlim_t soft) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit lower = before_;
    lower.rlim_cur = soft;
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &lower), 0);
  }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(Room, DescriptorsAreLeftForTheAdmin) {
  Heard heard;
  TestServer server(echo, [&](ServerOptions& options) { options.notices = &heard.notices; });
  const DescriptorLimit limit(200);
  std::vector<RawClient> strangers;
  // Each takes two: its own and the server's.
  for (int i = 0; i < 90 && heard.count("descriptors-exhausted") == 0; ++i) {
    strangers.emplace_back(server.port(), false);
    eventually(
        [&] { return server.server->connections() >= strangers.size() || heard.count("descriptors-exhausted") > 0; });
  }
  EXPECT_GT(heard.count("descriptors-exhausted"), 0U);
  EXPECT_LT(strangers.size(), 90U);
  EXPECT_EQ(ask_unix(connect_unix(server)), "HTTP/1.1 200");
}

TEST(Room, TheLastDescriptorIsTheAdmins) {
  TestServer server(echo);
  auto mine = io::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  std::vector<io::UniqueFd> rest;
  const DescriptorLimit limit(256);
  for (int fd = 0; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) rest.emplace_back(fd);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  (server.directory + "/api.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::connect(mine.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(ask_unix(mine), "HTTP/1.1 200");
}

}  // namespace
}  // namespace gantry::transport
