// Connections have bounds: who is refused, and who makes room.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/un.h>

#include <future>
#include <memory>

#include "core/http/server/testing_client.hpp"

namespace gantry::http {
namespace {

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
  EXPECT_TRUE(eventually([&] { return server.server->connections() <= 4; }));
  EXPECT_GT(heard.count("connections-full"), 0U);
  EXPECT_EQ(strangers.front().receive(), "") << "who was idle longest is gone";
  strangers.back().send(get("/again"));
  EXPECT_NE(strangers.back().receive_until("/again ").find("/again"), std::string::npos);
}

// Who has said nothing yet goes as the idle do, at once and in turn.
TEST(Room, SilentStrangersMakeItForOthers) {
  Heard heard;
  TestServer server(echo, [&](ServerOptions& options) {
    options.anonymous_connections = 40;
    options.notices = &heard.notices;
  });
  std::vector<RawClient> silent;
  for (int i = 0; i < 200; ++i) {
    silent.emplace_back(server.port(), false);
    if (i % 10 != 0) continue;
    auto admin = RawClient::admin(server);
    admin.send(get("/a"));
    EXPECT_EQ(code_of(admin.receive_until("/a ")), "HTTP/1.1 200") << i;
  }
  for (int i = 0; i < 150; ++i) EXPECT_EQ(silent[static_cast<size_t>(i)].receive(), "") << "ended";
  EXPECT_EQ(heard.count("connections-refused"), 0U);
  EXPECT_TRUE(eventually([&] { return server.server->connections() <= 40; }));
}

// Long work is not done for who has gone.
TEST(Room, WhoLeavesWhileHeIsServedIsSeen) {
  std::promise<std::shared_ptr<http::Exchange>> got;
  TestServer server([&](http::Request, std::shared_ptr<http::Exchange> e) { got.set_value(std::move(e)); });
  auto client = std::make_unique<RawClient>(RawClient::admin(server));
  client->send(get("/a"));
  const auto exchange = got.get_future().get();
  EXPECT_TRUE(exchange->open());
  client.reset();
  EXPECT_TRUE(eventually([&] { return !exchange->open(); }));
  exchange->respond(text_response("done"));
}

TEST(Room, WhoIsServedMakesNone) {
  std::promise<std::shared_ptr<http::Exchange>> got;
  Heard heard;
  TestServer server([&](http::Request, std::shared_ptr<http::Exchange> e) { got.set_value(std::move(e)); },
                    [&](ServerOptions& options) {
                      options.anonymous_connections = 1;
                      options.notices = &heard.notices;
                    });
  RawClient served(server.port(), true);
  served.send(get("/a"));
  auto exchange = got.get_future().get();
  RawClient late(server.port(), false);
  EXPECT_EQ(late.receive(), "") << "there is nobody to go";
  EXPECT_EQ(heard.count("connections-refused"), 1U);
  exchange->respond(text_response("done"));
  EXPECT_NE(served.receive_until("done").find("done"), std::string::npos);
}

TEST(Room, WhoIsIdleLongestMakesItFirst) {
  TestServer server(echo, [](ServerOptions& options) {
    options.threads = 1;
    options.anonymous_connections = 30;
  });
  std::vector<RawClient> strangers;
  for (int i = 0; i < 31; ++i) {
    strangers.emplace_back(server.port(), true);
    strangers.back().send(get("/healthz"));
    EXPECT_EQ(code_of(strangers.back().receive_until("/healthz ")), "HTTP/1.1 200") << i;
  }
  EXPECT_EQ(strangers.front().receive(), "");
  strangers[29].send(get("/again"));
  EXPECT_NE(strangers[29].receive_until("/again ").find("/again"), std::string::npos);
}

TEST(Room, WhoIsInTheMidstOfSomethingHasAMoment) {
  TestServer server(echo, [](ServerOptions& options) {
    options.threads = 1;  // who has his answer is idle before the next one is heard
    options.anonymous_connections = 2;
  });
  RawClient idle(server.port(), true), busy(server.port(), true);
  idle.send(get("/healthz"));
  EXPECT_EQ(code_of(idle.receive_until("/healthz ")), "HTTP/1.1 200");
  busy.send(head("POST", "/healthz", 2, "Expect: 100-continue\r\n"));
  EXPECT_EQ(busy.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  RawClient next(server.port(), true);
  EXPECT_EQ(idle.receive(), "");
  busy.send("ok");
  EXPECT_NE(busy.receive_until("/healthz ok").find("/healthz ok"), std::string::npos);
}

TEST(Room, WhoIsKnownGivesWayToNobody) {
  TestServer server(echo, [](ServerOptions& options) { options.max_connections = 2; });
  std::vector<RawClient> known;
  for (int i = 0; i < 2; ++i) {
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

io::UniqueFd unix_socket() {
  io::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  timeval limit{10, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  return fd;
}

void connect_to(const TestServer& server, const io::UniqueFd& fd) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = server.directory + "/api.sock";
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
}

io::UniqueFd connect_unix(const TestServer& server) {
  auto fd = unix_socket();
  connect_to(server, fd);
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
}

// For who comes, who has asked nothing for longest; who is at work stays.
TEST(Room, IdleAdminsMakeRoomForNewOnes) {
  std::mutex mutex;
  std::vector<std::shared_ptr<Exchange>> held;
  const auto hold = [&](const Request& request, std::shared_ptr<Exchange> exchange) {
    if (request.path != "/held") return echo(request, std::move(exchange));
    const std::lock_guard lock(mutex);
    held.push_back(std::move(exchange));
  };
  const auto at_work = [&] {
    const std::lock_guard lock(mutex);
    return held.size();
  };
  const auto send = [](const io::UniqueFd& fd, const std::string& text) {
    return ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  };
  const auto is_over = [](const io::UniqueFd& fd) {
    char byte = 0;
    return ::recv(fd.get(), &byte, 1, 0) == 0;
  };
  TestServer server(hold, [](ServerOptions& options) {
    options.local_connections = 3;
    options.threads = 1;  // so that they come in their order
  });
  const auto busy = connect_unix(server), silent = connect_unix(server), asked = connect_unix(server);
  ASSERT_TRUE(send(busy, get("/held")));
  EXPECT_EQ(ask_unix(asked), "HTTP/1.1 200");
  ASSERT_TRUE(eventually([&] { return at_work() == 1; }));
  const auto fourth = connect_unix(server);
  EXPECT_EQ(ask_unix(fourth), "HTTP/1.1 200");
  EXPECT_TRUE(is_over(silent)) << "he came before the others had asked";
  EXPECT_EQ(ask_unix(asked), "HTTP/1.1 200") << "the latest now";
  const auto fifth = connect_unix(server);
  EXPECT_EQ(ask_unix(fifth), "HTTP/1.1 200");
  EXPECT_TRUE(is_over(fourth));
  ASSERT_TRUE(send(asked, get("/held")) && send(fifth, get("/held")));
  ASSERT_TRUE(eventually([&] { return at_work() == 3; }));
  EXPECT_EQ(ask_unix(connect_unix(server)), "") << "all are at work";
  for (auto& exchange : held) exchange->respond({});
  held.clear();
  for (const auto* fd : {&busy, &asked, &fifth}) EXPECT_FALSE(is_over(*fd));
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

// Uses up what is free.
std::vector<io::UniqueFd> take_descriptors() {
  std::vector<io::UniqueFd> taken;
  for (int fd = 0; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) taken.emplace_back(fd);
  return taken;
}

TEST(Room, TheLastDescriptorIsTheAdmins) {
  // With one thread, the next descriptor is put by before who took the last one is answered.
  TestServer server(echo, [](ServerOptions& options) { options.threads = 1; });
  io::UniqueFd mine[3] = {unix_socket(), unix_socket(), unix_socket()};
  const DescriptorLimit limit(256);
  const auto rest = take_descriptors();
  connect_to(server, mine[0]);
  EXPECT_EQ(ask_unix(mine[0]), "HTTP/1.1 200");
  mine[0].reset();
  // This end's and the server's.
  ASSERT_TRUE(eventually([] { return take_descriptors().size() == 2; }));
  connect_to(server, mine[1]);
  EXPECT_EQ(ask_unix(mine[1]), "HTTP/1.1 200");
  const auto again = take_descriptors();
  connect_to(server, mine[2]);
  EXPECT_EQ(ask_unix(mine[2]), "HTTP/1.1 200") << "there is another one as soon as there can be";
}

}  // namespace
}  // namespace gantry::http
