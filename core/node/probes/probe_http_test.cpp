// TCP and HTTP probes against real sockets.
#include "core/node/probes/probe_testing.hpp"

namespace gantry::node {
namespace {

using testing::ClosedPort;
using testing::http_probe;
using testing::in;
using testing::PlayedServer;
using testing::reply;
using testing::soon;

TEST(ProbeTcp, SaysWhyInGosWords) {
  PlayedServer server({"x"});
  EXPECT_EQ(probe_tcp("127.0.0.1", server.port(), soon()).result, ProbeResult::kSuccess);
  const ClosedPort closed;
  EXPECT_EQ(probe_tcp("127.0.0.1", closed.port(), soon()).output,
            "dial tcp 127.0.0.1:" + std::to_string(closed.port()) + ": connect: connection refused");
}

TEST(ProbeHttp, JudgesByTheCode) {
  for (const auto& [code, result] : std::vector<std::pair<int, ProbeResult>>{{200, ProbeResult::kSuccess},
                                                                             {204, ProbeResult::kSuccess},
                                                                             {399, ProbeResult::kWarning},
                                                                             {400, ProbeResult::kFailure},
                                                                             {500, ProbeResult::kFailure}}) {
    PlayedServer server({reply(code)});
    const auto outcome = probe_http(http_probe(server.port()), soon());
    EXPECT_EQ(outcome.result, result) << code << outcome.output;
    if (result == ProbeResult::kFailure) {
      EXPECT_EQ(outcome.output, "HTTP probe failed with statuscode: " + std::to_string(code));
    }
  }
}

TEST(ProbeHttp, SendsWhatTheProbeSays) {
  PlayedServer server({reply(200)});
  auto probe = http_probe(server.port(), "x?y=1");
  probe.headers = {{"Host", "example.org"}, {"X-A", "b"}, {"accept", ""}};
  EXPECT_EQ(probe_http(probe, soon()).result, ProbeResult::kSuccess);
  EXPECT_EQ(server.request(),
            "GET /x?y=1 HTTP/1.1\r\nHost: example.org\r\nUser-Agent: kube-probe/1.36\r\nX-A: b\r\nConnection: "
            "close\r\n\r\n");
}

TEST(ProbeHttp, NothingInAProbeBeginsALineOfItsOwn) {
  PlayedServer server({reply(200)});
  auto probe = http_probe(server.port(), "/a b\r\nX: y");
  EXPECT_EQ(probe_http(probe, soon()).result, ProbeResult::kSuccess);
  EXPECT_TRUE(server.request().starts_with("GET /a%20b%0D%0AX:%20y HTTP/1.1\r\n"));
  probe.headers = {{"A", "b\r\nC: d"}};
  EXPECT_NE(probe_http(probe, soon()).output.find("net/http: invalid header field value for \"A\""), std::string::npos);
}

TEST(ProbeHttp, FollowsRedirectsOnTheSameHostOnly) {
  PlayedServer server({reply(302, "Location: /there\r\n"), reply(200)});
  EXPECT_EQ(probe_http(http_probe(server.port()), soon()).result, ProbeResult::kSuccess);
  EXPECT_TRUE(server.request().starts_with("GET /there "));
  PlayedServer away({reply(302, "Location: http://example.org/\r\n", "bye")});
  const auto outcome = probe_http(http_probe(away.port()), soon());
  EXPECT_EQ(outcome.result, ProbeResult::kWarning);
  EXPECT_EQ(outcome.output, "Probe terminated redirects, Response body: bye");
  PlayedServer circle({reply(302, "Location: /\r\n")});
  EXPECT_EQ(probe_http(http_probe(circle.port()), soon()).result, ProbeResult::kFailure);
}

TEST(ProbeHttp, SurvivesBadServers) {
  const auto output = [](const std::string& answer, int ms = 10'000) {
    PlayedServer server({answer});
    const auto outcome = probe_http(http_probe(server.port()), in(ms));
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
  PlayedServer server(
      {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: "
       "chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"});
  const auto outcome = probe_http(http_probe(server.port()), soon());
  EXPECT_EQ(outcome.result, ProbeResult::kSuccess);
  EXPECT_EQ(outcome.output, "abcd");
}

}  // namespace
}  // namespace gantry::node
