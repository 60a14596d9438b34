// Frames that a WebSocket may not have, and how the connection ends then (RFC 6455).
#include "core/http/websocket/websocket.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "core/limits/account.hpp"

namespace gantry::http {
namespace {

class FakeBytes : public http::ByteStream {
 public:
  void start(std::function<void(std::string_view)> data, std::function<void()> ended) override {
    data_ = std::move(data);
    ended_ = std::move(ended);
  }
  void pause(bool) override {}
  bool write(std::string bytes) override {
    sent += bytes;
    return true;
  }
  size_t queued() const override { return 0; }
  void close() override { closed = true; }
  // As a connection does at its end: who listens holds the stream.
  void forget() { data_ = nullptr, ended_ = nullptr; }
  void deliver(std::string_view bytes) { data_(bytes); }

  std::string sent;
  bool closed = false;

 private:
  std::function<void(std::string_view)> data_;
  std::function<void()> ended_;
};

std::string masked(uint8_t first, const std::string& length, const std::string& payload) {
  std::string out(1, static_cast<char>(first));
  out += length;
  const std::string mask = "mask";
  out += mask;
  for (size_t i = 0; i < payload.size(); ++i) out += static_cast<char>(payload[i] ^ mask[i % 4]);
  return out;
}
std::string frame(uint8_t first, const std::string& payload) {
  std::string length(1, static_cast<char>(0x80 | std::min<size_t>(payload.size(), 126)));
  if (payload.size() > 125) {
    length += static_cast<char>(payload.size() >> 8);
    length += static_cast<char>(payload.size() & 0xff);
  }
  return masked(first, length, payload);
}
std::string close_frame(unsigned code, const std::string& reason = {}) {
  return frame(0x88, std::string{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)} + reason);
}

struct Fixture {
  std::shared_ptr<FakeBytes> bytes = std::make_shared<FakeBytes>();
  std::shared_ptr<limits::Account> account = std::make_shared<limits::Account>(100'000);
  std::shared_ptr<http::MessageStream> socket = make_websocket(bytes, account, 70'000);
  std::vector<std::string> messages;
  Fixture() {
    socket->start(
        [this](bool binary, std::string_view text) { messages.push_back((binary ? "b:" : "t:") + std::string(text)); },
        [] {});
  }
  ~Fixture() { bytes->forget(); }
  // The code that it closed with; 0 when it goes on.
  unsigned code() const {
    if (!bytes->closed) return 0;
    const auto at = bytes->sent.rfind('\x88');
    return static_cast<unsigned>(static_cast<uint8_t>(bytes->sent.at(at + 2))) << 8 |
           static_cast<uint8_t>(bytes->sent.at(at + 3));
  }
};

unsigned code_after(const std::string& in) {
  Fixture whole, cut;
  whole.bytes->deliver(in);
  for (const char c : in) cut.bytes->deliver(std::string_view(&c, 1));
  EXPECT_EQ(whole.code(), cut.code());
  EXPECT_EQ(whole.messages, cut.messages);
  return whole.code();
}

TEST(WebSocket, ClosesWithTheCodeOfTheFault) {
  struct Case {
    const char* what;
    std::string in;
    unsigned code;
  };
  const std::string zero8(7, '\0');
  const Case cases[] = {
      {"goodbye without a code", frame(0x88, ""), 1000},
      {"goodbye", close_frame(1000, "bye"), 1000},
      {"a code of ours", close_frame(3000), 3000},
      {"a code of an application", close_frame(4999), 4999},
      {"a registered one", close_frame(1011), 1011},
      {"a payload of one byte", frame(0x88, "x"), 1002},
      {"code 0", close_frame(0), 1002},
      {"code 999", close_frame(999), 1002},
      {"code 1004", close_frame(1004), 1002},
      {"code 1005", close_frame(1005), 1002},
      {"code 1006", close_frame(1006), 1002},
      {"code 1015", close_frame(1015), 1002},
      {"code 2999", close_frame(2999), 1002},
      {"code 5000", close_frame(5000), 1002},
      {"code 65535", close_frame(65535), 1002},
      {"a reason that is no text", close_frame(1000, "\xff"), 1007},
      {"text that is none", frame(0x81, "a\xc3"), 1007},
      {"text that is none in two pieces", frame(0x01, "\xc3") + frame(0x80, "\x28"), 1007},
      {"a reserved bit", frame(0xc1, "a"), 1002},
      {"the last reserved bit", frame(0x91, "a"), 1002},
      {"no mask",
       std::string("\x81\x01"
                   "a",
                   3),
       1002},
      {"an unknown kind", frame(0x83, "a"), 1002},
      {"an unknown control", frame(0x8b, "a"), 1002},
      {"a long control", frame(0x89, std::string(126, 'p')), 1002},
      {"a control in pieces", frame(0x09, "p"), 1002},
      {"a length in two bytes that one tells", masked(0x82, std::string("\xfe\x00\x7d", 3), std::string(125, 'x')),
       1002},
      {"a length in eight bytes that two tell", masked(0x82, "\xff" + zero8 + "\x7e", std::string(126, 'x')), 1002},
      {"a length below zero", masked(0x82, "\xff\x80" + zero8, ""), 1002},
      {"a message too long", masked(0x82, std::string("\xff\x00\x00\x00\x00\x00\x01\x11\x71", 9), ""), 1009},
      {"pieces too long", frame(0x02, std::string(60'000, 'x')) + frame(0x80, std::string(10'001, 'x')), 1009},
      {"a message inside a message", frame(0x01, "a") + frame(0x81, "b"), 1002},
      {"a continuation of nothing", frame(0x80, "a"), 1002},
      {"a continuation behind an end", frame(0x81, "a") + frame(0x80, "b"), 1002},
      {"a message", frame(0x81, "\xc3\xa9"), 0},
      {"a long one", frame(0x82, std::string(60'000, 'x')), 0},
      {"a control between pieces of a long one",
       frame(0x02, std::string(60'000, 'x')) + frame(0x89, std::string(125, 'p')) +
           frame(0x80, std::string(10'000, 'x')),
       0},
  };
  for (const auto& [what, in, code] : cases) EXPECT_EQ(code_after(in), code) << what;
}

TEST(WebSocket, JoinsPiecesAndAnswersPings) {
  Fixture fixture;
  fixture.bytes->deliver(frame(0x01, "a") + frame(0x89, "ping") + frame(0x00, "\xc3") + frame(0x80, "\xa9") +
                         frame(0x8a, "pong") + frame(0x82, "") + frame(0x82, "\xff"));
  EXPECT_EQ(fixture.messages, (std::vector<std::string>{"t:a\xc3\xa9", "b:", "b:\xff"}));
  EXPECT_EQ(fixture.bytes->sent, "\x8a\x04ping");
  EXPECT_EQ(fixture.account->used(), 0U);
}

TEST(WebSocket, WhatHasComeOfAMessageIsCharged) {
  Fixture fixture;
  fixture.bytes->deliver(frame(0x02, std::string(50'000, 'x')));
  EXPECT_EQ(fixture.account->used(), 50'000U);
  EXPECT_TRUE(fixture.account->take(40'000));
  fixture.bytes->deliver(frame(0x00, std::string(15'000, 'x')));
  EXPECT_EQ(fixture.code(), 1009U);
  fixture.socket.reset();
  fixture.bytes->deliver("more");
  EXPECT_TRUE(fixture.messages.empty());
}

TEST(WebSocket, NothingIsHeardBehindTheEnd) {
  Fixture fixture;
  fixture.bytes->deliver(close_frame(1000) + frame(0x81, "late"));
  fixture.bytes->deliver(frame(0x81, "later"));
  EXPECT_TRUE(fixture.messages.empty());
  EXPECT_FALSE(fixture.socket->write(true, "x"));
  EXPECT_EQ(fixture.account->used(), 0U);
}

}  // namespace
}  // namespace gantry::http
