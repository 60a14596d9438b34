#include "core/http/message/chunked_reader.hpp"

#include <algorithm>
#include <charconv>

#include "core/http/message/http_text.hpp"
#include "core/http/message/request_head.hpp"

namespace gantry::http {
namespace {

constexpr size_t kLongestLine = 4 << 10;
constexpr size_t kMostExtra = 16 << 10;  // extensions and trailers of one body

}  // namespace

Expected<size_t> ChunkedReader::take_line(std::string_view bytes, std::string_view& line) {
  const size_t end = bytes.substr(0, kLongestLine + 2).find('\n');
  if (end == bytes.npos) {
    if (bytes.size() >= kLongestLine + 2) return malformed("a line of the chunked body is too long");
    return size_t{0};
  }
  if (end == 0 || bytes[end - 1] != '\r') return malformed("a line of the chunked body does not end with CRLF");
  line = bytes.substr(0, end - 1);
  return end + 1;
}

Status ChunkedReader::read_size(std::string_view line, size_t have) {
  const size_t end = std::min(line.find_first_not_of("0123456789abcdefABCDEF"), line.size());
  const auto digits = line.substr(0, end);
  auto extension = line.substr(end);
  if (digits.empty() || digits.size() > 16) return malformed("the size of a chunk");
  std::from_chars(digits.data(), digits.data() + digits.size(), left_, 16);
  while (!extension.empty() && (extension.front() == ' ' || extension.front() == '\t')) extension.remove_prefix(1);
  const bool text = std::all_of(extension.begin(), extension.end(), [](char c) {
    return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  });
  if (!text || (end < line.size() && !extension.starts_with(';'))) return malformed("the extension of a chunk");
  if ((extra_ += line.size() - end) > kMostExtra) return malformed("too much of chunk extensions");
  if (left_ > limit_ - std::min(have, limit_)) {
    return Status::too_large("Request entity too large: limit is " + std::to_string(limit_));
  }
  state_ = left_ > 0 ? State::kData : State::kTrailer;
  return {};
}

// Their values are nobody's business here; their form is, since the next request begins behind them.
Status ChunkedReader::read_trailer(std::string_view line) {
  if (line.empty()) {
    state_ = State::kDone;
    return {};
  }
  if ((extra_ += line.size()) > kMostExtra) return malformed("too much of trailers");
  auto field = parse_field(line);
  return field ? Status() : std::move(field).error();
}

Expected<size_t> ChunkedReader::feed(std::string_view bytes, std::string& body) {
  size_t used = 0;
  while (state_ != State::kDone && used < bytes.size()) {
    const auto rest = bytes.substr(used);
    if (state_ == State::kData) {
      const size_t part = std::min(left_, rest.size());
      body.append(rest.substr(0, part));
      used += part;
      if ((left_ -= part) == 0) state_ = State::kDataEnd;
      continue;
    }
    std::string_view line;
    auto taken = take_line(rest, line);
    if (!taken) return std::move(taken).error();
    if (*taken == 0) break;
    used += *taken;
    Status status;
    if (state_ == State::kSize) {
      status = read_size(line, body.size());
    } else if (state_ == State::kTrailer) {
      status = read_trailer(line);
    } else {
      if (!line.empty()) return malformed("more bytes in a chunk than its size says");
      state_ = State::kSize;
    }
    if (!status.ok()) return status;
  }
  return used;
}

}  // namespace gantry::http
