// exec over SPDY/3.1, as clients speak it that know no WebSocket: frames by hand against the real server.
#include <gtest/gtest.h>

#include <map>

#include "core/apiserver/streams/exec_channels.hpp"
#include "core/apiserver/streams/process_exec.hpp"
#include "core/apiserver/streams/remote_command.hpp"
#include "core/http/server/testing_client.hpp"
#include "core/http/spdy/spdy_frames.hpp"
#include "core/limits/account.hpp"

namespace gantry::streams {
namespace {

namespace spdy = http::spdy;

constexpr uint32_t kErrors = 1, kIn = 3, kOut = 5, kErr = 7, kSizes = 9;
const std::string kSuccess = R"({"metadata":{},"status":"Success"})";

// A "terminal" that says each of its sizes, and ends with a width of 1.
class Sizes : public client::ExecSession {
 public:
  Sizes(int out, std::function<void(Expected<int>)> exited) : out_(out), exited_(std::move(exited)) {}
  void resize(uint16_t columns, uint16_t rows) override {
    const std::string text = std::to_string(columns) + "x" + std::to_string(rows) + ";";
    EXPECT_EQ(::write(out_.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    if (columns != 1) return;
    out_.reset();
    exited_(0);
  }

 private:
  io::UniqueFd out_;
  const std::function<void(Expected<int>)> exited_;
};

StartExec say_sizes() {
  return [](int, int out, int,
            std::function<void(Expected<int>)> exited) -> Expected<std::unique_ptr<client::ExecSession>> {
    return std::unique_ptr<client::ExecSession>(new Sizes(out, std::move(exited)));
  };
}

// Runs one command for everybody.
struct SpdyServer {
  explicit SpdyServer(ExecStreams streams, StartExec start)
      : server([this, streams, start](const http::Request& request, std::shared_ptr<http::Exchange> exchange) {
          const auto post = [this](std::function<void()> work) { workers->post(std::move(work)); };
          serve_exec(pumps, request, std::move(exchange), streams, post, start);
        }) {}
  ~SpdyServer() {
    server.server.reset();
    workers->stop();
    pumps->stop();
  }
  std::shared_ptr<io::EventLoop> pumps = io::EventLoop::start("pumps"), workers = io::EventLoop::start("workers");
  http::TestServer server;
};

std::string opening(spdy::HeaderEncoder& encoder, uint32_t stream, const std::string& type) {
  std::string payload;
  spdy::append_u32(payload, stream);
  payload.append(6, '\0');
  payload += encoder.encode({{"streamtype", type}});
  return spdy::control_frame(spdy::kSynStream, 0, payload);
}

constexpr const char* kUpgrade = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";
constexpr const char* kVersions = "X-Stream-Protocol-Version: v3.channel.k8s.io, v4.channel.k8s.io\r\n";

class SpdyClient {
 public:
  explicit SpdyClient(const SpdyServer& server) : client_(http::RawClient::admin(server.server)) {
    client_.send(http::head("POST", "/exec", 0, std::string(kUpgrade) + kVersions));
    head = client_.receive_until("\r\n\r\n");
    EXPECT_EQ(http::code_of(head), "HTTP/1.1 101");
  }
  void open(uint32_t stream, const std::string& type) { send(opening(encoder_, stream, type)); }
  void data(uint32_t stream, const std::string& bytes, uint8_t flags = 0) {
    send(spdy::data_frame(stream, flags, bytes));
  }
  void send(const std::string& frames) { EXPECT_TRUE(client_.send(frames)); }
  // False: the connection is over.
  bool receive() {
    const auto bytes = client_.receive(1);
    reader_.append(bytes);
    for (;;) {
      auto frame = reader_.next();
      EXPECT_TRUE(frame.ok());
      if (!frame || !*frame) return !bytes.empty();
      take(**frame);
    }
  }
  bool wait_said(uint32_t stream, const std::string& text) {
    while (said[stream] != text && receive()) {
    }
    EXPECT_EQ(said[stream], text);
    return said[stream] == text;
  }
  void wait_end() {
    while (receive()) {
    }
  }

  std::string head;
  std::map<uint32_t, std::string> said;  // by stream; the half that is closed ends with '.'
  std::vector<uint32_t> opened, pings;
  std::vector<std::pair<uint32_t, uint32_t>> resets, farewells;

 private:
  void take(const spdy::Frame& frame) {
    const auto word = [&](size_t at) { return spdy::read_u32(frame.payload, at); };
    if (!frame.control) {
      said[frame.stream].append(frame.payload).append((frame.flags & spdy::kFin) != 0 ? "." : "");
    } else if (frame.type == spdy::kSynReply) {
      opened.push_back(word(0));
      EXPECT_EQ(*decoder_.decode(std::string_view(frame.payload).substr(4)), spdy::HeaderList());
    } else if (frame.type == spdy::kRstStream) {
      resets.emplace_back(word(0), word(4));
    } else if (frame.type == spdy::kGoAway) {
      farewells.emplace_back(word(0), word(4));
    } else if (frame.type == spdy::kPing) {
      pings.push_back(word(0));
    }
  }

  http::RawClient client_;
  spdy::HeaderEncoder encoder_;
  spdy::HeaderDecoder decoder_;
  spdy::FrameReader reader_;
};

TEST(SpdyExec, ChannelsAreStreams) {
  SpdyServer server({true, true, true, false}, run_process({"sh", "-c", "cat; echo oops >&2; exit 3"}));
  SpdyClient client(server);
  EXPECT_NE(client.head.find("X-Stream-Protocol-Version: v4.channel.k8s.io\r\n"), std::string::npos) << client.head;
  client.open(kErrors, "error");
  client.open(kIn, "stdin");
  client.data(kIn, "early ");
  client.open(kOut, "stdout");
  client.open(kErr, "stderr");
  client.data(kIn, "in and ");
  client.data(kIn, "out", spdy::kFin);
  client.wait_end();
  EXPECT_EQ(client.opened, (std::vector<uint32_t>{kErrors, kIn, kOut, kErr}));
  EXPECT_EQ(client.said[kOut], "early in and out.");
  EXPECT_EQ(client.said[kErr], "oops\n.");
  EXPECT_EQ(
      client.said[kErrors],
      R"({"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: exit status 3",)"
      R"("reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}}.)");
  EXPECT_TRUE(client.resets.empty());
  EXPECT_TRUE(client.farewells.empty());
}

TEST(SpdyExec, InputMayEndBeforeTheCommandBegins) {
  SpdyServer server({true, true, false, false}, run_process({"cat"}));
  SpdyClient client(server);
  client.open(kErrors, "error");
  client.open(kIn, "stdin");
  client.data(kIn, "in", spdy::kFin);
  client.open(kOut, "stdout");
  client.wait_end();
  EXPECT_EQ(client.said[kOut], "in.");
  EXPECT_EQ(client.said[kErrors], kSuccess + ".");
}

// More than is read ahead of a command, and the last channel behind it.
TEST(SpdyExec, MuchInputMayComeBeforeTheCommandBegins) {
  SpdyServer server({true, true, false, false}, run_process({"sh", "-c", "wc -c"}));
  SpdyClient client(server);
  client.open(kErrors, "error");
  client.open(kIn, "stdin");
  for (int i = 0; i < 30; ++i) client.data(kIn, std::string(30'000, 'x'));
  client.open(kOut, "stdout");
  client.data(kIn, "more", spdy::kFin);
  client.wait_end();
  EXPECT_EQ(client.said[kOut], "900004\n.");
  EXPECT_EQ(client.said[kErrors], kSuccess + ".");
}

TEST(SpdyExec, ResetsEndTheInputAndPingsAreAnswered) {
  SpdyServer server({true, true, false, false}, run_process({"cat"}));
  SpdyClient client(server);
  client.open(kErrors, "error");
  client.open(kIn, "stdin");
  client.open(kOut, "stdout");
  client.data(kIn, "x");
  ASSERT_TRUE(client.wait_said(kOut, "x"));
  const std::string odd("\0\0\0\1", 4), even("\0\0\0\2", 4);
  client.send(spdy::control_frame(spdy::kPing, 0, even) + spdy::control_frame(spdy::kPing, 0, odd));
  std::string reset;
  spdy::append_u32(reset, kIn);
  spdy::append_u32(reset, 5);
  client.send(spdy::control_frame(spdy::kRstStream, 0, reset));
  client.wait_end();
  EXPECT_EQ(client.pings, std::vector<uint32_t>{1}) << "an even one would be the answer to one of ours";
  EXPECT_EQ(client.said[kErrors], kSuccess + ".");
}

TEST(SpdyExec, StreamsThatNobodyKnowsAreRefused) {
  SpdyServer server({true, true, false, false}, run_process({"cat"}));
  SpdyClient client(server);
  client.open(kErrors, "error");
  client.open(kErr, "sideways");
  client.open(kIn, "stdin");
  client.open(kIn + 8, "stdin");
  client.open(kIn, "stdout");
  client.data(99, "x");
  client.open(kOut, "stdout");
  client.data(kIn, "in", spdy::kFin);
  client.wait_end();
  using Resets = std::vector<std::pair<uint32_t, uint32_t>>;
  EXPECT_EQ(client.resets, (Resets{{kErr, 3}, {kIn + 8, 3}, {kIn, 3}, {99, 2}}));
  EXPECT_EQ(client.said[kOut], "in.") << "the first stream of each is the one that counts";
}

TEST(SpdyExec, BrokenFramesEndTheSession) {
  SpdyServer server({false, true, false, false}, run_process({"sleep", "1000"}));
  spdy::HeaderEncoder encoder;
  std::string garbage;
  spdy::append_u32(garbage, 3);
  garbage.append(6, '\0').append("no zlib stream");
  const std::string cases[] = {
      std::string("\x80\x02\0\x01\0\0\0\0", 8),          spdy::control_frame(spdy::kSynStream, 0, "short"),
      spdy::control_frame(spdy::kSynStream, 0, garbage), opening(encoder, 0, "stdin"),
      spdy::control_frame(spdy::kHeaders, 0, "abc"),     spdy::control_frame(spdy::kHeaders, 0, garbage),
  };
  for (const auto& broken : cases) {
    SpdyClient client(server);
    client.send(broken);
    client.wait_end();
    EXPECT_EQ(client.farewells, (std::vector<std::pair<uint32_t, uint32_t>>{{0, 1}})) << broken;
  }
}

TEST(SpdyExec, IsAgreedOnFirst) {
  SpdyServer server({false, true, false, false}, run_process({"true"}));
  const auto ask = [&](const std::string& fields) {
    auto client = http::RawClient::admin(server.server);
    client.send(http::head("POST", "/exec", 0, fields + "Connection: close\r\n"));
    return client.receive();
  };
  const auto plain = ask(kVersions);
  EXPECT_EQ(http::code_of(plain), "HTTP/1.1 400");
  EXPECT_NE(plain.find("Upgrade request required"), std::string::npos) << plain;
  for (const char* versions : {"", "X-Stream-Protocol-Version: v3.channel.k8s.io\r\n"}) {
    const auto answer = ask(std::string(kUpgrade) + versions);
    EXPECT_EQ(http::code_of(answer), "HTTP/1.1 403") << versions;
    EXPECT_NE(answer.find("X-Accepted-Stream-Protocol-Versions: v4.channel.k8s.io\r\n"), std::string::npos) << answer;
  }
}

TEST(SpdyExec, TerminalsAreToldTheirSize) {
  SpdyServer server({false, true, true, true}, say_sizes());
  SpdyClient client(server);
  client.open(kErrors, "error");
  client.open(kOut, "stdout");
  client.open(kSizes, "resize");  // with a terminal there is no stream for stderr
  client.data(kSizes, R"({"Width":80,"Height":24})");
  std::string all = "80x24;";
  ASSERT_TRUE(client.wait_said(kOut, all));
  const std::pair<std::string, std::string> later[] = {
      {R"({"Width":70000,"Height":1})", "65535x1;"},
      {R"({"Width":0,"Height":9}{"Width":9,"Height":0}{"Height":50,"Width":132})", "132x50;"},
      {R"({"Width":2,"Height":2}{"Width":3,"Height":3})", "3x3;"},
  };
  for (const auto& [text, size] : later) {
    client.data(kSizes, text);
    ASSERT_TRUE(client.wait_said(kOut, all += size));
  }
  client.data(kSizes, R"({"Width":1)");
  client.data(kSizes, R"(,"Height":7})");
  client.wait_end();
  EXPECT_EQ(client.said[kOut], all + "1x7;.");
  EXPECT_EQ(client.said[kErrors], kSuccess + ".");
}

// A connection that keeps what it is sent.
class HeldBytes : public http::ByteStream {
 public:
  void start(std::function<void(std::string_view)> data, std::function<void()>) override { deliver = std::move(data); }
  void pause(bool) override {}
  bool write(std::string bytes) override {
    sent += bytes;
    return true;
  }
  size_t queued() const override { return sent.size(); }
  void close() override { closed = true; }

  std::function<void(std::string_view)> deliver;
  std::string sent;
  bool closed = false;
};

class HeldUpgrade : public http::Exchange {
 public:
  void respond(http::Response) override {}
  std::shared_ptr<http::Stream> start_stream(int, std::string) override { return nullptr; }
  std::shared_ptr<http::ByteStream> upgrade_bytes(http::Headers) override { return bytes; }
  std::shared_ptr<http::MessageStream> upgrade_websocket(std::string) override { return nullptr; }
  std::shared_ptr<HeldBytes> bytes = std::make_shared<HeldBytes>();
};

http::Request held_request(size_t bytes) {
  http::Request request;
  request.headers = {{"upgrade", "SPDY/3.1"}, {"x-stream-protocol-version", "v4.channel.k8s.io"}};
  request.account = std::make_shared<limits::Account>(bytes);
  return request;
}

TEST(SpdyExec, EarlyInputIsPaidForAndBounded) {
  const auto request = held_request(4 << 20);
  const std::string piece = spdy::data_frame(kIn, 0, std::string(256 << 10, 'x'));
  for (const bool opens : {true, false}) {
    HeldUpgrade upgrade;
    const auto channels = spdy_channels(request, upgrade, {true, true, false, false});
    ASSERT_NE(channels, nullptr);
    std::string order;
    size_t got = 0;
    ChannelEvents events;
    events.ready = [&] { order += "ready "; };
    events.data = [&](Channel, std::string_view bytes) {
      order += "data ";
      got += bytes.size();
    };
    events.ended = [&](Channel) { order += "ended "; };
    channels->start(std::move(events));
    auto& bytes = *upgrade.bytes;
    spdy::HeaderEncoder encoder;
    bytes.deliver(opening(encoder, kErrors, "error"));
    bytes.deliver(opening(encoder, kIn, "stdin"));
    for (int i = 0; i < 4; ++i) bytes.deliver(piece);
    EXPECT_EQ(request.account->used(), 1U << 20);
    EXPECT_EQ(order, "");
    EXPECT_FALSE(bytes.closed);
    if (opens) {
      bytes.deliver(spdy::data_frame(kIn, spdy::kFin, {}));
      bytes.deliver(opening(encoder, kOut, "stdout"));
      EXPECT_EQ(order, "ready data ended ");
      EXPECT_EQ(got, 1U << 20);
    } else {
      bytes.deliver(spdy::data_frame(kIn, 0, "x"));
      EXPECT_TRUE(bytes.closed);
      EXPECT_EQ(order, "");
    }
    EXPECT_EQ(request.account->used(), 0U);
    bytes.deliver = nullptr;
  }
}

TEST(SpdyExec, HalfAFrameIsPaidFor) {
  const auto request = held_request(100'000);
  HeldUpgrade upgrade;
  const auto channels = spdy_channels(request, upgrade, {true, true, false, false});
  ASSERT_NE(channels, nullptr);
  std::string got;
  ChannelEvents events;
  events.data = [&](Channel, std::string_view bytes) { got += bytes; };
  channels->start(std::move(events));
  auto& bytes = *upgrade.bytes;
  spdy::HeaderEncoder encoder;
  bytes.deliver(opening(encoder, kErrors, "error"));
  bytes.deliver(opening(encoder, kIn, "stdin"));
  bytes.deliver(opening(encoder, kOut, "stdout"));
  EXPECT_EQ(request.account->used(), 0U);
  const auto frame = spdy::data_frame(kIn, 0, std::string(80'000, 'x'));
  bytes.deliver(frame.substr(0, 60'000));
  EXPECT_EQ(request.account->used(), 60'000U);
  bytes.deliver(frame.substr(60'000));
  EXPECT_EQ(got.size(), 80'000U);
  EXPECT_EQ(request.account->used(), 0U) << "what is passed on";
  const auto large = spdy::data_frame(kIn, 0, std::string(1 << 20, 'x'));
  bytes.deliver(large.substr(0, 60'000));
  EXPECT_FALSE(bytes.closed);
  bytes.deliver(large.substr(60'000, 60'000));
  EXPECT_TRUE(bytes.closed);
  EXPECT_EQ(request.account->used(), 0U);
  bytes.deliver(large.substr(120'000, 50'000));
  EXPECT_EQ(request.account->used(), 0U) << "nothing is kept of what follows";
  EXPECT_EQ(got.size(), 80'000U);
  bytes.deliver = nullptr;  // as a connection does at its end: who listens holds the stream
}

}  // namespace
}  // namespace gantry::streams
