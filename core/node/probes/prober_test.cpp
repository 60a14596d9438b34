// Probes against real sockets, with real timers of one second and less.
#include "core/node/probes/prober.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/files/unique_fd.hpp"
#include "core/node/probes/http_action.hpp"

namespace gantry::node {
namespace {

Deadline in(int ms) { return {std::chrono::steady_clock::now() + std::chrono::milliseconds(ms), -1}; }

// Answers each connection with the next of its texts; an empty one says nothing until the peer goes.
class Server {
 public:
  explicit Server(std::vector<std::string> answers) : answers_(std::move(answers)) {
    fd_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::listen(fd_.get(), 8);
    socklen_t size = sizeof address;
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }
  ~Server() {
    ::shutdown(fd_.get(), SHUT_RDWR);
    thread_.join();
  }
  int port() const { return port_; }
  std::string request() {
    const std::lock_guard lock(mutex_);
    return request_;
  }

 private:
  void run() {
    for (size_t i = 0;; ++i) {
      const io::UniqueFd peer(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer.valid()) return;
      char block[4096];
      const ssize_t n = ::recv(peer.get(), block, sizeof block, 0);
      {
        const std::lock_guard lock(mutex_);
        request_.assign(block, n > 0 ? static_cast<size_t>(n) : 0);
      }
      const auto& answer = answers_[std::min(i, answers_.size() - 1)];
      ::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
      pollfd gone{peer.get(), POLLIN, 0};
      if (answer.empty()) ::poll(&gone, 1, 10'000);
    }
  }
  std::vector<std::string> answers_;
  io::UniqueFd fd_;
  int port_ = 0;
  std::mutex mutex_;
  std::string request_;
  std::thread thread_;
};

int closed_port() { return Server({"x"}).port(); }

std::string reply(int code, const std::string& headers = {}, const std::string& body = {}) {
  return "HTTP/1.1 " + std::to_string(code) + " X\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

HttpProbe http(int port, const std::string& path = "/healthz") { return {false, "127.0.0.1", port, path, {}}; }

TEST(ProbeTcp, SaysWhyInGosWords) {
  Server server({"x"});
  EXPECT_EQ(probe_tcp("127.0.0.1", server.port(), in(1000)).result, ProbeResult::kSuccess);
  const int port = closed_port();
  EXPECT_EQ(probe_tcp("127.0.0.1", port, in(1000)).output,
            "dial tcp 127.0.0.1:" + std::to_string(port) + ": connect: connection refused");
}

TEST(ProbeHttp, JudgesByTheCode) {
  for (const auto& [code, result] : std::vector<std::pair<int, ProbeResult>>{{200, ProbeResult::kSuccess},
                                                                             {204, ProbeResult::kSuccess},
                                                                             {399, ProbeResult::kWarning},
                                                                             {400, ProbeResult::kFailure},
                                                                             {500, ProbeResult::kFailure}}) {
    Server server({reply(code)});
    const auto outcome = probe_http(http(server.port()), in(2000));
    EXPECT_EQ(outcome.result, result) << code << outcome.output;
    if (result == ProbeResult::kFailure) {
      EXPECT_EQ(outcome.output, "HTTP probe failed with statuscode: " + std::to_string(code));
    }
  }
}

TEST(ProbeHttp, SendsWhatTheProbeSays) {
  Server server({reply(200)});
  auto probe = http(server.port(), "x?y=1");
  probe.headers = {{"Host", "example.org"}, {"X-A", "b"}, {"accept", ""}};
  EXPECT_EQ(probe_http(probe, in(2000)).result, ProbeResult::kSuccess);
  EXPECT_EQ(server.request(),
            "GET /x?y=1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: kube-probe/1.36\r\nX-A: b\r\nConnection: "
            "close\r\n\r\n");
}

TEST(ProbeHttp, NothingInAProbeBeginsALineOfItsOwn) {
  Server server({reply(200)});
  auto probe = http(server.port(), "/a b\r\nX: y");
  EXPECT_EQ(probe_http(probe, in(2000)).result, ProbeResult::kSuccess);
  EXPECT_TRUE(server.request().starts_with("GET /a%20b%0D%0AX:%20y HTTP/1.1\r\n"));
  probe.headers = {{"A", "b\r\nC: d"}};
  EXPECT_NE(probe_http(probe, in(2000)).output.find("net/http: invalid header field value for \"A\""),
            std::string::npos);
}

TEST(ProbeHttp, FollowsRedirectsOnTheSameHostOnly) {
  Server server({reply(302, "Location: /there\r\n"), reply(200)});
  EXPECT_EQ(probe_http(http(server.port()), in(2000)).result, ProbeResult::kSuccess);
  EXPECT_TRUE(server.request().starts_with("GET /there "));
  Server away({reply(302, "Location: http://example.org/\r\n", "bye")});
  const auto outcome = probe_http(http(away.port()), in(2000));
  EXPECT_EQ(outcome.result, ProbeResult::kWarning);
  EXPECT_EQ(outcome.output, "Probe terminated redirects, Response body: bye");
  Server circle({reply(302, "Location: /\r\n")});
  EXPECT_EQ(probe_http(http(circle.port()), in(2000)).result, ProbeResult::kFailure);
}

TEST(ProbeHttp, SurvivesBadServers) {
  const auto output = [](const std::string& answer, int ms = 1000) {
    Server server({answer});
    const auto outcome = probe_http(http(server.port()), in(ms));
    EXPECT_EQ(outcome.result, ProbeResult::kFailure) << answer;
    return outcome.output.substr(std::min(outcome.output.find("\": ") + 3, outcome.output.size()));
  };
  EXPECT_EQ(output("", 50), "context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
  EXPECT_EQ(output("HTTP/1.1 200 OK\r\n"), "unexpected EOF");
  EXPECT_EQ(output("SSH-2.0-x\r\n\r\n"),
            "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"SSH-2.0-x\"");
  EXPECT_EQ(output("HTTP/1.1 abc\r\n\r\n"),
            "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"HTTP/1.1 abc\"");
  EXPECT_EQ(output("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"), "unexpected EOF");
  EXPECT_FALSE(output(std::string(100'000, 'x')).empty());
  EXPECT_EQ(output("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"), "malformed chunked encoding");
  EXPECT_EQ(output("HTTP/1.1 200 OK\r\nA: " + std::string(100'000, 'a')),
            "net/http: HTTP/1.x transport connection broken: headers too long");
}

TEST(ProbeHttp, ReadsChunksAndInterimAnswers) {
  Server server(
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
       "chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"});
  const auto outcome = probe_http(http(server.port()), in(2000));
  EXPECT_EQ(outcome.result, ProbeResult::kSuccess);
  EXPECT_EQ(outcome.output, "abcd");
}

struct ProberTest : ::testing::Test {
  ProberTest() {
    ProberHooks hooks;
    hooks.exec = [this](const std::string&, const std::vector<std::string>&, int, const ProberHooks::ExecDone& done) {
      std::unique_lock lock(mutex);
      ++execs;
      woken.notify_all();
      if (holds_execs) return held.push_back(done);
      const auto answer = exec_answer;
      lock.unlock();
      done(answer);
    };
    hooks.changed = [this](const std::string&, const std::string&) {
      const std::lock_guard lock(mutex);
      ++changes;
      woken.notify_all();
    };
    hooks.warn = [this](const ProbeTarget&, std::string_view reason, std::string_view message) {
      const std::lock_guard lock(mutex);
      warnings.push_back(std::string(reason) + ": " + std::string(message));
      woken.notify_all();
    };
    prober = make_prober(timers, std::move(hooks));
    target.pod_uid = "u";
    target.container_id = "c1";
    target.pod_ip = "127.0.0.1";
    target.container.set_name("c");
  }
  static void exec(corev1::Probe* probe, int failures = 1) {
    probe->mutable_probe_handler()->mutable_exec()->add_command("check");
    probe->set_period_seconds(1);
    probe->set_failure_threshold(failures);
  }
  bool wait(const std::function<bool()>& so) {
    std::unique_lock lock(mutex);
    return woken.wait_for(lock, std::chrono::seconds(10), so);
  }
  void answer(int code, const std::string& output = {}) {
    const std::lock_guard lock(mutex);
    exec_answer = std::pair<int, std::string>(code, output);
  }

  plugin::SystemClock clock;
  plugin::Timers timers{clock};
  std::mutex mutex;
  std::condition_variable woken;
  Expected<std::pair<int, std::string>> exec_answer = std::pair<int, std::string>(0, "");
  int execs = 0, changes = 0;
  bool holds_execs = false;
  std::vector<ProberHooks::ExecDone> held;
  std::vector<std::string> warnings;
  ProbeTarget target;
  std::unique_ptr<Prober> prober;
};

TEST_F(ProberTest, WithoutProbesAContainerIsReady) {
  EXPECT_TRUE(prober->state("unknown").ready);
  prober->add(target, false);
  EXPECT_TRUE(prober->state("c1").ready);
  EXPECT_TRUE(prober->state("c1").started);
}

TEST_F(ProberTest, ReadinessTurnsWithTheAnswers) {
  exec(target.container.mutable_readiness_probe());
  answer(1, "not yet \xE9\n");
  prober->add(target, false);
  EXPECT_FALSE(prober->state("c1").ready);
  ASSERT_TRUE(wait([&] { return !warnings.empty(); }));
  EXPECT_EQ(warnings[0], "Unhealthy: Readiness probe failed: not yet \xEF\xBF\xBD\n");
  answer(0);
  ASSERT_TRUE(wait([&] { return changes == 1; }));
  EXPECT_TRUE(prober->state("c1").ready);
  answer(1);
  ASSERT_TRUE(wait([&] { return changes == 2; }));
  EXPECT_FALSE(prober->state("c1").ready);
  EXPECT_FALSE(prober->state("c1").failed_liveness);
}

TEST_F(ProberTest, LivenessFailsAfterItsThresholdAndThenRests) {
  exec(target.container.mutable_liveness_probe(), 2);
  answer(3, "dead");
  prober->add(target, false);
  EXPECT_FALSE(prober->state("c1").failed_liveness);
  ASSERT_TRUE(wait([&] { return changes == 1; }));
  const auto state = prober->state("c1");
  EXPECT_TRUE(state.failed_liveness);
  EXPECT_EQ(state.message, "Liveness probe failed: dead");
  const std::lock_guard lock(mutex);
  EXPECT_EQ(execs, 2);
  EXPECT_EQ(warnings.size(), 2u);
}

TEST_F(ProberTest, NothingElseRunsBeforeTheStartupProbePasses) {
  exec(target.container.mutable_startup_probe(), 5);
  exec(target.container.mutable_liveness_probe());
  target.container.mutable_readiness_probe()
      ->mutable_probe_handler()
      ->mutable_tcp_socket()
      ->mutable_port()
      ->set_int_val(closed_port());
  answer(1, "starting");
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return execs == 2; }));
  {
    const std::lock_guard lock(mutex);
    for (const auto& warning : warnings) EXPECT_EQ(warning, "Unhealthy: Startup probe failed: starting");
  }
  EXPECT_FALSE(prober->state("c1").started);
  answer(0);
  ASSERT_TRUE(wait([&] { return changes >= 1; }));
  EXPECT_TRUE(prober->state("c1").started);
  EXPECT_FALSE(prober->state("c1").ready);
  // At once, not after a period of its own.
  ASSERT_TRUE(wait([&] { return warnings.back().find("Readiness probe failed: dial tcp") != std::string::npos; }));
}

TEST_F(ProberTest, ATimeoutIsAFailureAndAnErrorIsNot) {
  exec(target.container.mutable_liveness_probe());
  {
    const std::lock_guard lock(mutex);
    exec_answer = Status::internal("no such container");
  }
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return !warnings.empty(); }));
  EXPECT_EQ(warnings[0], "Unhealthy: Liveness probe errored and resulted in unknown state: no such container");
  EXPECT_FALSE(prober->state("c1").failed_liveness);
  {
    const std::lock_guard lock(mutex);
    exec_answer = Status::timeout("timed out");
  }
  ASSERT_TRUE(wait([&] { return changes == 1; }));
  EXPECT_EQ(prober->state("c1").message, "Liveness probe failed: command timed out: \"check\" timed out after 1s");
}

TEST_F(ProberTest, CommandsThatRunKeepNoOtherProbeWaiting) {
  holds_execs = true;
  exec(target.container.mutable_readiness_probe());
  constexpr int kMany = 100;  // more than there are threads for probes
  for (int i = 0; i < kMany; ++i) {
    target.container_id = "held-" + std::to_string(i);
    prober->add(target, false);
  }
  ASSERT_TRUE(wait([&] { return execs == kMany; }));
  Server server({reply(200)});
  auto& handler = *target.container.mutable_readiness_probe()->mutable_probe_handler();
  handler.clear_exec();
  handler.mutable_http_get()->mutable_port()->set_int_val(server.port());
  target.container_id = "free";
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return changes == 1; }));
  EXPECT_TRUE(prober->state("free").ready);
  EXPECT_FALSE(prober->state("held-0").ready);
  held.front()(std::pair<int, std::string>(0, ""));
  EXPECT_TRUE(prober->state("held-0").ready);
  // One that ends when the prober has is heard by nobody.
  prober.reset();
  held.back()(std::pair<int, std::string>(0, ""));
  EXPECT_EQ(changes, 2);
}

TEST_F(ProberTest, NamedPortsAndWrongOnes) {
  Server server({reply(200)});
  auto& port = *target.container.add_ports();
  port.set_name("web");
  port.set_container_port(server.port());
  auto& get = *target.container.mutable_readiness_probe()->mutable_probe_handler()->mutable_http_get();
  get.mutable_port()->set_type(1);
  get.mutable_port()->set_str_val("web");
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return changes == 1; }));
  EXPECT_TRUE(prober->state("c1").ready);
  get.mutable_port()->set_str_val("none");
  target.container_id = "c2";
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return !warnings.empty(); }));
  EXPECT_NE(warnings[0].find("couldn't find port: \"none\""), std::string::npos);
}

TEST_F(ProberTest, KindsThatAreNotToBeHadSaySo) {
  auto& probe = *target.container.mutable_readiness_probe();
  probe.mutable_probe_handler()->mutable_grpc()->set_port(1);
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return !warnings.empty(); }));
  EXPECT_EQ(warnings[0], "Unhealthy: Readiness probe failed: grpc probes are not supported by this node");
  prober->remove_pod("u");
  {
    const std::lock_guard lock(mutex);
    warnings.clear();
  }
  probe.mutable_probe_handler()->Clear();
  target.container_id = "c2";
  target.pod.mutable_metadata()->set_namespace_("ns");
  target.pod.mutable_metadata()->set_name("p");
  prober->add(target, false);
  ASSERT_TRUE(wait([&] { return !warnings.empty(); }));
  EXPECT_EQ(warnings[0],
            "Unhealthy: Readiness probe errored and resulted in unknown state: missing probe handler for ns/p:c");
  EXPECT_FALSE(prober->state("c2").ready);
}

TEST(ResolvePort, ByNumberAndByName) {
  corev1::Container container;
  auto& known = *container.add_ports();
  known.set_name("web");
  known.set_container_port(8080);
  k8s::io::apimachinery::pkg::util::intstr::IntOrString port;
  port.set_type(0);
  const auto number = [&](int value) {
    port.set_int_val(value);
    return resolve_port(port, container);
  };
  EXPECT_EQ(*number(1), 1);
  EXPECT_EQ(*number(65535), 65535);
  EXPECT_EQ(number(0).error().message(), "invalid port number: 0");
  EXPECT_EQ(number(65536).error().message(), "invalid port number: 65536");
  port.set_type(1);
  const auto text = [&](const char* value) {
    port.set_str_val(value);
    return resolve_port(port, container);
  };
  EXPECT_EQ(*text("web"), 8080);
  EXPECT_EQ(*text("9090"), 9090);
  EXPECT_EQ(text("other").error().message(), "couldn't find port: \"other\"");
}

TEST_F(ProberTest, FoundAgainItStaysReady) {
  exec(target.container.mutable_readiness_probe());
  prober->add(target, true);
  EXPECT_TRUE(prober->state("c1").ready);
}

TEST_F(ProberTest, AProbeInFlightHoldsNobodyUp) {
  Server server({""});
  auto& probe = *target.container.mutable_liveness_probe();
  probe.mutable_probe_handler()->mutable_http_get()->mutable_port()->set_int_val(server.port());
  probe.set_timeout_seconds(60);
  prober->add(target, false);
  for (int i = 0; i < 1000 && server.request().empty(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ASSERT_FALSE(server.request().empty());
  prober->remove_pod("u");
  EXPECT_TRUE(prober->state("c1").ready);
  const auto began = std::chrono::steady_clock::now();
  prober.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(10));
  EXPECT_EQ(changes, 0);
  EXPECT_TRUE(warnings.empty());
}

}  // namespace
}  // namespace gantry::node
