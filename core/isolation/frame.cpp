#include "core/isolation/frame.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/plugin/interface_table.hpp"

namespace gantry::isolation {
namespace {

constexpr std::array kNames = {"nothing",
                               "loading",
                               "create",
                               "destroy",
                               "map",
                               "import_image",
                               "exec",
                               "set_event_sink",
                               "new lane",
                               "timer",
                               "call_async",
                               "log",
                               "timer start",
                               "timer cancel",
                               "client call_async",
                               "cache list",
                               "cache by_owner",
                               "cache by_index",
                               "exec exit",
                               "runtime event",
                               "callback end"};
static_assert(kNames.size() == static_cast<size_t>(Op::kFirstMember));

template <typename T>
T number_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace

const char* name_of(Op op) {
  if (op < Op::kFirstMember) return kNames.at(static_cast<size_t>(op));
  return member_of(op) < plugin::member_count() ? plugin::name_of_member(member_of(op)).c_str() : "an unknown call";
}

uint16_t op_end() { return static_cast<uint16_t>(op_of(static_cast<uint16_t>(plugin::member_count()))); }

Header encode_header(const Frame& frame, size_t payload_size) {
  Header header;
  const auto size = static_cast<uint32_t>(payload_size);
  const auto op = static_cast<uint16_t>(frame.op);
  std::memcpy(header.bytes, &size, 4);
  std::memcpy(header.bytes + 4, &op, 2);
  header.bytes[6] = static_cast<char>(frame.kind);
  header.bytes[7] = static_cast<char>(frame.descriptors);
  std::memcpy(header.bytes + 8, &frame.id, 8);
  return header;
}

char* FrameReader::reserve(size_t size) {
  if (start_ > 0) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
  before_ = buffer_.size();
  buffer_.resize(before_ + size);
  return buffer_.data() + before_;
}

size_t FrameReader::missing() const {
  const size_t have = buffer_.size() - start_;
  if (have < kHeaderSize) return kHeaderSize - have;
  const size_t whole = kHeaderSize + number_at<uint32_t>(buffer_.data() + start_);
  return whole > have ? whole - have : 0;
}

FrameReader::Result FrameReader::complain(std::string text) {
  complaint_ = std::move(text);
  return Result::kMalformed;
}

FrameReader::Result FrameReader::next(Frame& frame) {
  if (!complaint_.empty()) return Result::kMalformed;
  const size_t have = buffer_.size() - start_;
  if (have < kHeaderSize) return Result::kMore;
  const char* bytes = buffer_.data() + start_;
  const size_t size = number_at<uint32_t>(bytes);
  const auto op = number_at<uint16_t>(bytes + 4);
  const auto kind = static_cast<uint8_t>(bytes[6]);
  const auto descriptors = static_cast<uint8_t>(bytes[7]);
  // The header is judged before its payload is waited for: a wrong size would never end.
  if (op == 0 || op >= op_end()) return complain("unknown operation " + std::to_string(op));
  if (kind >= static_cast<uint8_t>(Kind::kEnd)) return complain("unknown kind " + std::to_string(kind));
  if (descriptors > kMaxDescriptors) return complain(std::to_string(descriptors) + " descriptors");
  if (size > max_payload_) {
    return complain(std::to_string(size) + " bytes of payload, at most " + std::to_string(max_payload_) +
                    " are allowed");
  }
  if (have - kHeaderSize < size) return Result::kMore;
  frame.op = static_cast<Op>(op);
  frame.kind = static_cast<Kind>(kind);
  frame.descriptors = descriptors;
  frame.id = number_at<uint64_t>(bytes + 8);
  frame.payload.assign(bytes + kHeaderSize, size);
  start_ += kHeaderSize + size;
  if (start_ == buffer_.size()) {
    // A rare large frame must not be held for ever.
    if (buffer_.capacity() > 1024 * 1024) std::string().swap(buffer_);
    buffer_.clear();
    start_ = 0;
  }
  return Result::kFrame;
}

}  // namespace gantry::isolation
