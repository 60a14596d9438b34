// Frames in and out. Incoming ones are decoded on the connection's loop, outgoing ones on the writer's thread.
#include "core/apiserver/transport/websocket.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <atomic>
#include <vector>

namespace gantry::transport {
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
  WebSocket(std::shared_ptr<http::ByteStream> bytes, size_t limit) : bytes_(std::move(bytes)), limit_(limit) {}

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
  void feed(std::string_view data) {
    buffer_ += data;
    size_t used = 0;
    while (!closed_) {
      size_t n = one_frame(std::string_view(buffer_).substr(used));
      if (n == 0) break;
      used += n;
    }
    buffer_.erase(0, used);
  }

  // Takes one whole frame from the front; 0 when there is none yet.
  size_t one_frame(std::string_view in) {
    if (in.size() < 2) return 0;
    auto byte = [&](size_t i) { return static_cast<uint8_t>(in[i]); };
    bool fin = (byte(0) & 0x80) != 0;
    uint8_t opcode = byte(0) & 0x0f;
    uint64_t length = byte(1) & 0x7f;
    size_t head = 2;
    size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    if ((byte(0) & 0x70) != 0 || (byte(1) & 0x80) == 0) return fail(1002, "bad frame");
    if (in.size() < head + extra + 4) return 0;
    if (extra != 0) length = 0;
    for (size_t i = 0; i < extra; ++i) length = (length << 8) | byte(head + i);
    head += extra;
    if (length > limit_ || joined_.size() + length > limit_) return fail(1009, "message too big");
    if (opcode >= 8 && (length > 125 || !fin)) return fail(1002, "bad control frame");
    if (in.size() < head + 4 + length) return 0;
    std::string payload(in.substr(head + 4, length));
    for (size_t i = 0; i < payload.size(); ++i) payload[i] ^= in[head + i % 4];
    on_frame(fin, opcode, std::move(payload));
    return head + 4 + length;
  }

  void on_frame(bool fin, uint8_t opcode, std::string payload) {
    switch (opcode) {
      case kPing:
        bytes_->write(frame(kPong, payload));
        return;
      case kPong:
        return;
      case kClose: {
        uint16_t code = 1000;
        if (payload.size() >= 2) {
          code = static_cast<uint16_t>((static_cast<uint8_t>(payload[0]) << 8) | static_cast<uint8_t>(payload[1]));
        }
        close(code, {});
        return;
      }
      case kText:
      case kBinary:
        if (joining_) {
          fail(1002, "message inside a message");
          return;
        }
        binary_ = opcode == kBinary;
        break;
      case kContinuation:
        if (!joining_) {
          fail(1002, "continuation of nothing");
          return;
        }
        break;
      default:
        fail(1002, "unknown opcode");
        return;
    }
    joining_ = !fin;
    if (joined_.empty()) {
      joined_ = std::move(payload);
    } else {
      joined_ += payload;
    }
    if (!fin) return;
    std::string whole = std::exchange(joined_, {});
    if (message_) message_(binary_, whole);
  }

  size_t fail(uint16_t code, std::string_view why) {
    close(code, std::string(why));
    return 0;
  }

  const std::shared_ptr<http::ByteStream> bytes_;
  const size_t limit_;
  std::function<void(bool, std::string_view)> message_;
  std::atomic<bool> closed_{false};
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

std::shared_ptr<http::MessageStream> make_websocket(std::shared_ptr<http::ByteStream> bytes, size_t message_limit) {
  return std::make_shared<WebSocket>(std::move(bytes), message_limit);
}

}  // namespace gantry::transport
