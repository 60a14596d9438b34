// SPDY/3.1 on the wire: frames out of bytes, bytes out of frames, compressed header blocks.
//
// Pure codecs with state (partial input, zlib windows); each belongs to one session and one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::http::spdy {

enum Type : uint16_t {
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kHeaders = 8,
  kWindowUpdate = 9
};
constexpr uint8_t kFin = 1;

struct Frame {
  bool control = false;
  uint16_t type = 0;  // of a control frame
  uint8_t flags = 0;
  uint32_t stream = 0;  // of a data frame
  std::string payload;
};

class FrameReader {
 public:
  void append(std::string_view bytes) { buffer_ += bytes; }
  // The next whole frame; none when more bytes are needed; an error ends the session.
  Expected<std::optional<Frame>> next();
  size_t held() const { return buffer_.size() - used_; }

 private:
  std::string buffer_;
  size_t used_ = 0;
};

std::string control_frame(uint16_t type, uint8_t flags, std::string_view payload);
std::string data_frame(uint32_t stream, uint8_t flags, std::string_view payload);
uint32_t read_u32(std::string_view bytes, size_t at);  // 0 beyond the end
void append_u32(std::string& out, uint32_t value);

using HeaderList = std::vector<std::pair<std::string, std::string>>;

class HeaderDecoder {
 public:
  HeaderDecoder();
  ~HeaderDecoder();
  Expected<HeaderList> decode(std::string_view block);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

class HeaderEncoder {
 public:
  HeaderEncoder();
  ~HeaderEncoder();
  std::string encode(const HeaderList& headers);

 private:
  struct Stream;
  std::unique_ptr<Stream> stream_;
};

// The words that both sides know from the start (SPDY/3, section 2.6.10.1).
const std::string& dictionary();

}  // namespace gantry::http::spdy
