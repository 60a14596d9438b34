// Frames in and out. Incoming ones are decoded on the connection's loop, outgoing ones on the writer's thread.
#include "core/http/websocket/websocket.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <atomic>
#include <vector>

#include "core/limits/account.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::http {
namespace {

enum Opcode : uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

std::string frame(uint8_t opcode, std::string_view payload) {
  std::string out;
  out.reserve(payload.size() + 10);
  out += static_cast<char>(0x80 | opcode);
  size_t size = payload.size();
  if (size < 126) {
    out += static_cast<char>(size);
  } else if (size < 65536) {
    out += static_cast<char>(126);
    out += static_cast<char>(size >> 8);
    out += static_cast<char>(size & 0xff);
  } else {
    out += static_cast<char>(127);
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>((size >> shift) & 0xff);
  }
  out += payload;
  return out;
}

std::string close_payload(uint16_t code, std::string_view reason) {
  std::string payload{static_cast<char>(code >> 8), static_cast<char>(code & 0xff)};
  payload += reason.substr(0, 120);
  return payload;
}

class WebSocket : public http::MessageStream, public std::enable_shared_from_this<WebSocket> {
 public:
  WebSocket(std::shared_ptr<http::ByteStream> bytes, std::shared_ptr<limits::Account> account, size_t limit)
      : bytes_(std::move(bytes)), limit_(limit), held_(std::move(account)) {}

  void start(std::function<void(bool, std::string_view)> message, std::function<void()> ended) override {
    message_ = std::move(message);
    auto self = shared_from_this();
    // The stream below drops both when it ends; until then the socket lives.
    bytes_->start([self](std::string_view data) { self->feed(data); },
                  [self, ended = std::move(ended)] {
                    self->message_ = nullptr;
                    if (ended) ended();
                  });
  }
  void pause(bool paused) override { bytes_->pause(paused); }
  bool write(bool binary, std::string message) override {
    return !closed_ && bytes_->write(frame(binary ? kBinary : kText, message));
  }
  size_t queued() const override { return bytes_->queued(); }
  void when_drained(std::function<void()> ready) override { bytes_->when_drained(std::move(ready)); }
  void close(uint16_t code, std::string reason) override {
    if (closed_.exchange(true)) return;
    bytes_->write(frame(kClose, close_payload(code, reason)));
    bytes_->close();
  }

 private:
  struct Head {
    bool fin = false;
    uint8_t opcode = 0;
    size_t length = 0, size = 0;  // of the payload, and of the head with its mask
    bool control() const { return opcode >= kClose; }
  };

  void feed(std::string_view data) {
    if (closed_) return;
    if (!held_.grow(data.size())) return fail(1009, "too many bytes under way");
    buffer_ += data;
    size_t used = 0;
    while (!closed_) {
      size_t n = one_frame(std::string_view(buffer_).substr(used));
      if (n == 0) break;
      used += n;
    }
    if (closed_) {
      buffer_ = joined_ = {};
    } else {
      buffer_.erase(0, used);
    }
    static_cast<void>(held_.resize(buffer_.size() + joined_.size()));
  }

  // The head of the frame at the front; nothing yet, or an end with its reason.
  bool read_head(std::string_view in, Head& head) {
    if (in.size() < 2) return false;
    const auto byte = [&](size_t i) { return static_cast<uint8_t>(in[i]); };
    head.fin = (byte(0) & 0x80) != 0;
    head.opcode = byte(0) & 0x0f;
    const uint8_t first = byte(1) & 0x7f;
    const bool known = head.opcode <= kBinary || (head.opcode >= kClose && head.opcode <= kPong);
    if ((byte(0) & 0x70) != 0 || (byte(1) & 0x80) == 0 || !known) return fail(1002, "bad frame"), false;
    if (head.control() && (first > 125 || !head.fin)) return fail(1002, "bad control frame"), false;
    const size_t extra = first == 126 ? 2 : first == 127 ? 8 : 0;
    if (in.size() < 2 + extra + 4) return false;
    uint64_t length = extra == 0 ? first : 0;
    for (size_t i = 0; i < extra; ++i) length = (length << 8) | byte(2 + i);
    const bool shortest = extra == 0 || (extra == 2 ? length > 125 : length > 65535 && length >> 63 == 0);
    if (!shortest) return fail(1002, "a length that is longer than it must be"), false;
    if (!head.control() && length > limit_ - joined_.size()) return fail(1009, "message too big"), false;
    head.length = static_cast<size_t>(length);
    head.size = 2 + extra + 4;
    return true;
  }

  // Takes one whole frame from the front; 0 when there is none yet.
  size_t one_frame(std::string_view in) {
    Head head;
    if (!read_head(in, head) || in.size() < head.size + head.length) return 0;
    const auto mask = in.substr(head.size - 4, 4);
    std::string payload(in.substr(head.size, head.length));
    for (size_t i = 0; i < payload.size(); ++i) payload[i] ^= mask[i % 4];
    if (head.opcode == kPing) {
      bytes_->write(frame(kPong, payload));
    } else if (head.opcode == kClose) {
      on_close(payload);
    } else if (!head.control()) {
      on_data(head, std::move(payload));
    }
    return head.size + head.length;
  }

  // RFC 6455 7.4: the codes that may be sent.
  static bool valid_code(unsigned code) {
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
  }

  void on_close(const std::string& payload) {
    if (payload.empty()) return close(1000, {});
    const auto byte = [&](size_t i) { return static_cast<unsigned>(static_cast<uint8_t>(payload[i])); };
    const unsigned code = payload.size() == 1 ? 0 : byte(0) << 8 | byte(1);
    if (!valid_code(code)) return fail(1002, "bad close code");
    if (!schema::valid_utf8(std::string_view(payload).substr(2))) return fail(1007, "bad UTF-8");
    close(static_cast<uint16_t>(code), {});
  }

  void on_data(const Head& head, std::string payload) {
    if ((head.opcode == kContinuation) != joining_) {
      return fail(1002, joining_ ? "message inside a message" : "continuation of nothing");
    }
    if (!joining_) binary_ = head.opcode == kBinary;
    joining_ = !head.fin;
    if (joined_.empty()) {
      joined_ = std::move(payload);
    } else {
      joined_ += payload;
    }
    if (!head.fin) return;
    std::string whole = std::exchange(joined_, {});
    if (!binary_ && !schema::valid_utf8(whole)) return fail(1007, "bad UTF-8");
    if (message_) message_(binary_, whole);
  }

  void fail(uint16_t code, std::string_view why) { close(code, std::string(why)); }

  const std::shared_ptr<http::ByteStream> bytes_;
  const size_t limit_;
  std::function<void(bool, std::string_view)> message_;
  std::atomic<bool> closed_{false};
  limits::Charge held_;  // buffer_ and joined_
  std::string buffer_, joined_;
  bool joining_ = false, binary_ = false;
};

}  // namespace

std::string websocket_accept(std::string_view key) {
  std::string text = std::string(key) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  unsigned char encoded[32];
  int n = EVP_EncodeBlock(encoded, digest, SHA_DIGEST_LENGTH);
  return {reinterpret_cast<char*>(encoded), static_cast<size_t>(n)};
}

std::shared_ptr<http::MessageStream> make_websocket(std::shared_ptr<http::ByteStream> bytes,
                                                    std::shared_ptr<limits::Account> account, size_t message_limit) {
  return std::make_shared<WebSocket>(std::move(bytes), std::move(account), message_limit);
}

}  // namespace gantry::http
