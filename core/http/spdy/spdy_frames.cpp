// Framing by hand, header blocks by zlib with limits on what they may unfold to.
#include "core/http/spdy/spdy_frames.hpp"

#include <zlib.h>

#include <array>

namespace gantry::http::spdy {
namespace {

constexpr size_t kMaxControl = 64 << 10;
constexpr size_t kMaxData = 4 << 20;
constexpr size_t kMaxHeaders = 64 << 10;
constexpr uint16_t kVersion = 3;

Expected<HeaderList> parse_block(std::string_view raw) {
  HeaderList headers;
  size_t at = 4;
  auto text = [&](std::string& into) {
    if (at + 4 > raw.size()) return false;
    size_t length = read_u32(raw, at);
    at += 4;
    if (length > raw.size() - at) return false;
    into = raw.substr(at, length);
    at += length;
    return true;
  };
  uint32_t count = read_u32(raw, 0);
  for (uint32_t i = 0; i < count; ++i) {
    std::pair<std::string, std::string> header;
    if (!text(header.first) || !text(header.second)) {
      return Status::bad_request("SPDY: bad header block");
    }
    headers.push_back(std::move(header));
  }
  return headers;
}

}  // namespace

uint32_t read_u32(std::string_view bytes, size_t at) {
  if (at + 4 > bytes.size()) return 0;
  auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + i])); };
  return (byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3);
}

void append_u32(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xff);
}

std::string control_frame(uint16_t type, uint8_t flags, std::string_view payload) {
  std::string out;
  append_u32(out, 0x80000000U | (static_cast<uint32_t>(kVersion) << 16) | type);
  append_u32(out, (static_cast<uint32_t>(flags) << 24) | static_cast<uint32_t>(payload.size()));
  out += payload;
  return out;
}

std::string data_frame(uint32_t stream, uint8_t flags, std::string_view payload) {
  std::string out;
  out.reserve(8 + payload.size());
  append_u32(out, stream & 0x7fffffffU);
  append_u32(out, (static_cast<uint32_t>(flags) << 24) | static_cast<uint32_t>(payload.size()));
  out += payload;
  return out;
}

Expected<std::optional<Frame>> FrameReader::next() {
  std::string_view in = std::string_view(buffer_).substr(used_);
  auto none = [&]() -> Expected<std::optional<Frame>> {
    buffer_.erase(0, used_);
    used_ = 0;
    return std::optional<Frame>();
  };
  if (in.size() < 8) return none();
  uint32_t first = read_u32(in, 0), second = read_u32(in, 4);
  Frame frame;
  frame.control = (first & 0x80000000U) != 0;
  frame.flags = static_cast<uint8_t>(second >> 24);
  size_t length = second & 0xffffffU;
  if (frame.control) {
    if (((first >> 16) & 0x7fff) != kVersion) return Status::bad_request("SPDY: wrong version");
    frame.type = static_cast<uint16_t>(first & 0xffff);
  } else {
    frame.stream = first;
  }
  if (length > (frame.control ? kMaxControl : kMaxData)) {
    return Status::bad_request("SPDY: frame too large");
  }
  if (in.size() < 8 + length) return none();
  frame.payload = std::string(in.substr(8, length));
  used_ += 8 + length;
  return std::optional<Frame>(std::move(frame));
}

struct HeaderDecoder::Stream {
  z_stream z{};
};

HeaderDecoder::HeaderDecoder() : stream_(std::make_unique<Stream>()) { ::inflateInit(&stream_->z); }
HeaderDecoder::~HeaderDecoder() { ::inflateEnd(&stream_->z); }

Expected<HeaderList> HeaderDecoder::decode(std::string_view block) {
  z_stream& z = stream_->z;
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(block.data()));
  z.avail_in = static_cast<uInt>(block.size());
  std::string raw;
  std::array<char, 4096> buffer{};
  while (true) {
    z.next_out = reinterpret_cast<Bytef*>(buffer.data());
    z.avail_out = buffer.size();
    int code = ::inflate(&z, Z_SYNC_FLUSH);
    if (code == Z_NEED_DICT) {
      const std::string& words = dictionary();
      if (::inflateSetDictionary(&z, reinterpret_cast<const Bytef*>(words.data()), static_cast<uInt>(words.size())) !=
          Z_OK) {
        return Status::bad_request("SPDY: unknown dictionary");
      }
      continue;
    }
    raw.append(buffer.data(), buffer.size() - z.avail_out);
    if (raw.size() > kMaxHeaders) return Status::bad_request("SPDY: headers too large");
    if (code != Z_OK && code != Z_BUF_ERROR) return Status::bad_request("SPDY: bad compression");
    if (z.avail_in == 0 && z.avail_out != 0) break;
    if (code == Z_BUF_ERROR) return Status::bad_request("SPDY: bad compression");
  }
  return parse_block(raw);
}

struct HeaderEncoder::Stream {
  z_stream z{};
};

HeaderEncoder::HeaderEncoder() : stream_(std::make_unique<Stream>()) {
  // A small window: answers carry next to nothing, and the session should not cost 256 KB.
  ::deflateInit2(&stream_->z, Z_BEST_SPEED, Z_DEFLATED, 11, 1, Z_DEFAULT_STRATEGY);
  const std::string& words = dictionary();
  ::deflateSetDictionary(&stream_->z, reinterpret_cast<const Bytef*>(words.data()), static_cast<uInt>(words.size()));
}
HeaderEncoder::~HeaderEncoder() { ::deflateEnd(&stream_->z); }

std::string HeaderEncoder::encode(const HeaderList& headers) {
  std::string raw;
  append_u32(raw, static_cast<uint32_t>(headers.size()));
  for (const auto& [name, value] : headers) {
    append_u32(raw, static_cast<uint32_t>(name.size()));
    raw += name;
    append_u32(raw, static_cast<uint32_t>(value.size()));
    raw += value;
  }
  z_stream& z = stream_->z;
  z.next_in = reinterpret_cast<Bytef*>(raw.data());
  z.avail_in = static_cast<uInt>(raw.size());
  std::string out;
  std::array<char, 1024> buffer{};
  do {
    z.next_out = reinterpret_cast<Bytef*>(buffer.data());
    z.avail_out = buffer.size();
    ::deflate(&z, Z_SYNC_FLUSH);
    out.append(buffer.data(), buffer.size() - z.avail_out);
  } while (z.avail_out == 0);
  return out;
}

}  // namespace gantry::http::spdy
