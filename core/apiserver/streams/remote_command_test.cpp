// exec and logs through the real server: kubectl where there is one, WebSocket frames by hand; SPDY's codecs.
#include "core/apiserver/streams/remote_command.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "core/apiserver/streams/fd_pump.hpp"
#include "core/apiserver/streams/process_exec.hpp"
#include "core/apiserver/streams/websocket_stream.hpp"
#include "core/http/server/testing_client.hpp"
#include "core/http/spdy/spdy_frames.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::streams {
namespace {

std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

constexpr const char* kPod =
    R"({"kind":"Pod","apiVersion":"v1","metadata":{"name":"p","namespace":"default","uid":"1"},)"
    R"("spec":{"containers":[{"name":"c","image":"i","stdin":true}]},)"
    R"("status":{"phase":"Running","containerStatuses":[{"name":"c","ready":true}]}})";
constexpr const char* kResources =
    R"({"kind":"APIResourceList","apiVersion":"v1","groupVersion":"v1","resources":[{"name":"pods",)"
    R"("singularName":"pod","namespaced":true,"kind":"Pod","verbs":["get","list"]},)"
    R"({"name":"pods/exec","singularName":"","namespaced":true,"kind":"PodExecOptions","verbs":["create","get"]}]})";

// Just enough of an API for kubectl exec and logs.
class ExecServer {
 public:
  ExecServer()
      : server([this](http::Request r, std::shared_ptr<http::Exchange> e) { handle(std::move(r), std::move(e)); }) {
    config = server.directory + "/config";
    std::ofstream(config) << "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, "
                             "context: {cluster: a, user: a}}]\nclusters: [{name: a, cluster: {server: '"
                          << server.url("") << "', certificate-authority: " << server.pki.ca_certificate
                          << "}}]\nusers: [{name: a, user: {client-certificate: " << server.pki.admin_certificate
                          << ", client-key: " << server.pki.admin_key << "}}]\n";
  }
  ~ExecServer() {
    server.server.reset();
    workers_->stop();
    pumps->stop();
  }

  void handle(http::Request request, std::shared_ptr<http::Exchange> exchange) {
    if (request.path.ends_with("/exec")) {
      ExecStreams wanted;
      std::vector<std::string> command;
      std::string item;
      for (char c : request.query + "&") {
        if (c != '&') {
          item += c;
          continue;
        }
        if (item.starts_with("command=")) command.push_back(unescape(item.substr(8)));
        if (item == "stdin=true") wanted.in = true;
        if (item == "stdout=true") wanted.out = true;
        if (item == "stderr=true") wanted.err = true;
        if (item == "tty=true") wanted.tty = true;
        item.clear();
      }
      serve_exec(
          pumps, request, exchange, wanted, [this](std::function<void()> work) { workers_->post(std::move(work)); },
          run_process(command));
      return;
    }
    if (request.path.ends_with("/log")) {
      std::array<int, 2> ends{};
      ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
      auto stream =
          wants_websocket(request) ? websocket_stream(request, *exchange) : exchange->start_stream(200, "text/plain");
      if (!stream) return;
      pump_log(pumps, ends[0], stream);
      std::thread([fd = ends[1]] {
        std::string line(999, 'l');
        line += '\n';
        for (int i = 0; i < 20000; ++i) {
          if (::write(fd, line.data(), line.size()) < 0) break;
        }
        ::close(fd);
      }).detach();
      return;
    }
    if (request.path == "/pieces") {
      const auto stream = websocket_stream(request, *exchange);
      stream->write({io::own("one "), io::own("message")});
      return stream->end();
    }
    http::Response response = http::text_response(kPod);
    response.content_type = "application/json";
    if (request.path == "/version") response = http::text_response(R"({"major":"1","minor":"36"})");
    if (request.path == "/api") response.body[0] = io::own(R"({"kind":"APIVersions","versions":["v1"]})");
    if (request.path == "/apis") response.body[0] = io::own(R"({"kind":"APIGroupList","apiVersion":"v1","groups":[]})");
    if (request.path == "/api/v1") response.body[0] = io::own(kResources);
    exchange->respond(std::move(response));
  }

  std::shared_ptr<io::EventLoop> pumps = io::EventLoop::start("pumps");
  std::shared_ptr<io::EventLoop> workers_ = io::EventLoop::start("workers");
  std::string config;
  http::TestServer server;
};

struct Result {
  std::string out;
  int code = 0;
};

Result run(const std::string& command) {
  Result result;
  FILE* pipe = ::popen(("timeout 30 bash -c '" + command + "' 2>&1").c_str(), "r");
  std::array<char, 65536> buffer{};
  while (size_t n = ::fread(buffer.data(), 1, buffer.size(), pipe)) {
    result.out.append(buffer.data(), n);
  }
  result.code = WEXITSTATUS(::pclose(pipe));
  return result;
}

// Every kubectl of this machine: GANTRY_KUBECTL may name another one (an old one speaks SPDY).
std::vector<std::string> kubectls() {
  std::vector<std::string> found;
  if (::access("/usr/bin/kubectl", X_OK) == 0) found.push_back("/usr/bin/kubectl");
  if (const char* other = ::getenv("GANTRY_KUBECTL")) found.push_back(other);
  return found;
}

TEST(RemoteCommand, Kubectl) {
  for (const auto& kubectl : kubectls()) {
    SCOPED_TRACE(kubectl);
    ExecServer server;
    std::string base = "HOME=" + server.server.directory + " " + kubectl + " --kubeconfig=" + server.config;
    Result plain = run(base + " exec p -- echo hello");
    EXPECT_EQ(plain.out, "hello\n");
    EXPECT_EQ(plain.code, 0);
    Result failed = run(base + " exec p -- sh -c \"echo oops >&2; exit 7\"");
    EXPECT_EQ(failed.out, "oops\ncommand terminated with exit code 7\n");
    EXPECT_EQ(failed.code, 7);
    EXPECT_EQ(run("echo -n in and out | " + base + " exec -i p -- cat").out, "in and out");
    Result big = run(base + " exec p -- head -c 10485760 /dev/zero | wc -c");
    EXPECT_EQ(big.out, "10485760\n");
    std::string sum = run("seq 1 1000000 | sha256sum").out;
    EXPECT_EQ(run("seq 1 1000000 | " + base + " exec -i p -- sha256sum").out, sum);
    EXPECT_EQ(run("seq 1 1000000 | " + base + " exec -i p -- cat | sha256sum").out, sum);
    EXPECT_EQ(run(base + " logs p | wc -c").out, "20000000\n");
    Result gone = run(base + " exec p -- /no/such/program");
    EXPECT_EQ(gone.code, 127);
  }
}

// What the server sends over a WebSocket of this subprotocol until it closes: the head of its answer, then "t:" or "b:"
// and the payload of each frame. `in`: one message of ours.
std::vector<std::string> talk(const ExecServer& server, const std::string& target, const std::string& protocol,
                              const std::string& in = {}) {
  auto client = http::RawClient::admin(server.server);
  std::string text = "GET " + target +
                     " HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n";
  if (!protocol.empty()) text += "Sec-WebSocket-Protocol: " + protocol + "\r\n";
  text += "\r\n";
  // A mask of zeroes leaves the payload as it is.
  if (!in.empty()) text += std::string("\x81") + static_cast<char>(0x80 | in.size()) + std::string(4, '\0') + in;
  client.send(text);
  const std::string all = client.receive();
  const size_t end = all.find("\r\n\r\n");
  std::vector<std::string> out{all.substr(0, end)};
  for (size_t at = end + 4; end != all.npos && at + 2 <= all.size();) {
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<uint8_t>(all[at + i])); };
    const bool is_close = byte(0) == 0x88;
    size_t size = byte(1), head = 2;
    const size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (extra > 0) size = 0;
    for (size_t i = 0; i < extra; ++i) size = size << 8 | byte(head++);
    if (is_close) {
      out.push_back("close");
      break;
    }
    out.push_back((byte(0) == 0x81 ? "t:" : "b:") + all.substr(at + head, size));
    at += head + size;
  }
  return out;
}

TEST(WebSocketExec, AllVersionsOfTheChannels) {
  ExecServer server;
  const auto frames = [&](const std::string& query, const std::string& protocol, const std::string& in = {}) {
    auto all = talk(server, "/exec?" + query, protocol, in);
    EXPECT_EQ(all[0].substr(0, 12), "HTTP/1.1 101") << all[0];
    EXPECT_EQ(all[0].find("Sec-Websocket-Protocol: " + protocol) != std::string::npos, !protocol.empty());
    all.erase(all.begin());
    return all;
  };
  const std::string echo = "command=echo&command=hi&stdout=true",
                    fails = "command=sh&command=-c&command=exit+3&stdout=true";
  const std::string success = R"({"metadata":{},"status":"Success"})";
  using Frames = std::vector<std::string>;
  EXPECT_EQ(frames(echo, "v4.channel.k8s.io"), (Frames{"b:\x01", "b:\x01hi\n", "b:\x03" + success, "close"}));
  EXPECT_EQ(frames(echo, "v4.base64.channel.k8s.io"),
            (Frames{"t:1", "t:1aGkK", "t:3" + schema::base64_encode(success), "close"}));
  EXPECT_EQ(frames(echo, "channel.k8s.io"), (Frames{"b:\x01", "b:\x01hi\n", "close"}));
  EXPECT_EQ(frames(echo, ""), (Frames{"b:\x01", "b:\x01hi\n", "close"}));
  EXPECT_EQ(frames(echo, "base64.channel.k8s.io"), (Frames{"t:1", "t:1aGkK", "close"}));
  const std::string words = "command terminated with non-zero exit code: exit status 3";
  EXPECT_EQ(frames(fails, "channel.k8s.io"), (Frames{"b:\x01", "b:\x03" + words, "close"}));
  EXPECT_EQ(frames(fails, "base64.channel.k8s.io"), (Frames{"t:1", "t:3" + schema::base64_encode(words), "close"}));
  EXPECT_EQ(frames("command=head&command=-c&command=2&stdin=true&stdout=true", "base64.channel.k8s.io", "0aW4="),
            (Frames{"t:1", "t:1aW4=", "close"}));
  EXPECT_EQ(talk(server, "/exec?" + echo, "v9.channel.k8s.io")[0].substr(0, 12), "HTTP/1.1 400");
  // The client's order counts.
  EXPECT_NE(talk(server, "/exec?" + echo, "x, base64.channel.k8s.io, v4.channel.k8s.io")[0].find(
                "Sec-Websocket-Protocol: base64.channel.k8s.io"),
            std::string::npos);
}

TEST(WebSocketLogs, AsBytesAndAsBase64) {
  ExecServer server;
  for (const char* protocol : {"", "binary.k8s.io", "base64.binary.k8s.io"}) {
    SCOPED_TRACE(protocol);
    const bool base64 = std::string(protocol).starts_with("base64");
    const auto frames = talk(server, "/log", protocol);
    ASSERT_GT(frames.size(), 3U) << frames[0];
    EXPECT_EQ(frames[1], base64 ? "t:" : "b:") << "tells at once that it is there";
    EXPECT_EQ(frames.back(), "close");
    size_t size = 0;
    for (size_t i = 2; i + 1 < frames.size(); ++i) {
      EXPECT_EQ(frames[i][0], base64 ? 't' : 'b');
      std::string bytes = frames[i].substr(2);
      if (base64) {
        EXPECT_TRUE(schema::base64_decode(frames[i].substr(2), bytes));
      }
      size += bytes.size();
    }
    EXPECT_EQ(size, 20'000'000U);
  }
  EXPECT_EQ(talk(server, "/log", "channel.k8s.io")[0].substr(0, 12), "HTTP/1.1 400");
  EXPECT_EQ(talk(server, "/pieces", "binary.k8s.io").at(2), "b:one message");
}

TEST(Spdy, DictionaryIsTheKnownOne) {
  const std::string& words = http::spdy::dictionary();
  EXPECT_EQ(::adler32(::adler32(0, nullptr, 0), reinterpret_cast<const Bytef*>(words.data()),
                      static_cast<uInt>(words.size())),
            0xe3c6a7c2U);
}

TEST(Spdy, HeadersRoundTripWithState) {
  http::spdy::HeaderEncoder encoder;
  http::spdy::HeaderDecoder decoder;
  for (int i = 0; i < 3; ++i) {
    http::spdy::HeaderList headers = {{"streamtype", "stdin"}, {"port", std::to_string(i)}};
    auto decoded = decoder.decode(encoder.encode(headers));
    ASSERT_TRUE(decoded.ok());
    EXPECT_EQ(*decoded, headers);
  }
}

TEST(Spdy, RefusesBrokenInput) {
  http::spdy::HeaderDecoder decoder;
  EXPECT_FALSE(decoder.decode("garbage that is no zlib stream").ok());
  http::spdy::FrameReader reader;
  reader.append(std::string("\x80\x02\x00\x01\x00\x00\x00\x00", 8));
  EXPECT_FALSE(reader.next().ok());
  http::spdy::FrameReader large;
  large.append(std::string("\x80\x03\x00\x01\x00\xff\xff\xff", 8));
  EXPECT_FALSE(large.next().ok());
  http::spdy::FrameReader partial;
  partial.append(
      std::string("\x00\x00\x00\x01\x00\x00\x00\x05"
                  "ab",
                  10));
  auto frame = partial.next();
  ASSERT_TRUE(frame.ok());
  EXPECT_FALSE(frame->has_value());
}

}  // namespace
}  // namespace gantry::streams
