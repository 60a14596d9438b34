#include "core/isolation/frame.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace gantry::isolation {
namespace {

constexpr std::array<const char*, static_cast<size_t>(Op::kEnd)> kNames = {"nothing",
                                                                           "loading",
                                                                           "create",
                                                                           "destroy",
                                                                           "describe",
                                                                           "map",
                                                                           "reconcile",
                                                                           "a network verb",
                                                                           "a runtime verb",
                                                                           "import_image",
                                                                           "exec",
                                                                           "exec_resize",
                                                                           "exec_cancel",
                                                                           "set_event_sink",
                                                                           "save",
                                                                           "restore",
                                                                           "descriptor_set",
                                                                           "new lane",
                                                                           "timer",
                                                                           "call_async",
                                                                           "log",
                                                                           "config string",
                                                                           "config int",
                                                                           "config bool",
                                                                           "config strings",
                                                                           "config daemon",
                                                                           "clock now",
                                                                           "clock monotonic",
                                                                           "timer start",
                                                                           "timer cancel",
                                                                           "metric declare",
                                                                           "metric record",
                                                                           "client call",
                                                                           "client call_async",
                                                                           "cache get",
                                                                           "cache list",
                                                                           "cache by_owner",
                                                                           "queue add",
                                                                           "event",
                                                                           "exec exit",
                                                                           "runtime event",
                                                                           "callback end"};

template <typename T>
T number_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace

const char* name_of(Op op) { return op < Op::kEnd ? kNames[static_cast<size_t>(op)] : "an unknown call"; }

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
  if (op == 0 || op >= static_cast<uint16_t>(Op::kEnd)) return complain("unknown operation " + std::to_string(op));
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
