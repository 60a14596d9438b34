// The protobuf wire format, by hand: a bounds-checked reader and an appending writer.
//
// Used by the descriptor reader and the protobuf codecs, which are driven by data and so cannot use generated
// code. Header only, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::schema::wire {

enum class Type : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Entry {
  uint32_t number = 0;
  Type type = Type::kVarint;
  uint64_t value = 0;      // varint, fixed32, fixed64
  std::string_view bytes;  // length-delimited
};

// Reads entry after entry; hostile input ends with failed() true, never out of bounds.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  bool next(Entry& entry) {
    if (rest_.empty() || failed_) return false;
    uint64_t tag = 0;
    if (!varint(tag) || (tag >> 3) == 0 || (tag >> 3) > 0x1fffffff) return fail();
    entry.number = static_cast<uint32_t>(tag >> 3);
    switch (tag & 7) {
      case 0:
        entry.type = Type::kVarint;
        return varint(entry.value) || fail();
      case 1:
        entry.type = Type::kFixed64;
        return fixed(8, entry.value) || fail();
      case 2: {
        entry.type = Type::kBytes;
        uint64_t size = 0;
        if (!varint(size) || size > rest_.size()) return fail();
        entry.bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return true;
      }
      case 5:
        entry.type = Type::kFixed32;
        return fixed(4, entry.value) || fail();
      default:
        return fail();  // groups are not used by any Kubernetes type
    }
  }

  // One bare varint, for packed lists.
  bool varint(uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (rest_.empty()) return false;
      auto byte = static_cast<uint8_t>(rest_.front());
      rest_.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  size_t left() const { return rest_.size(); }
  bool at_end() const { return rest_.empty(); }
  bool failed() const { return failed_; }

 private:
  bool fixed(unsigned size, uint64_t& value) {
    if (rest_.size() < size) return false;
    value = 0;
    for (unsigned i = 0; i < size; ++i) {
      value |= static_cast<uint64_t>(static_cast<uint8_t>(rest_[i])) << (8 * i);
    }
    rest_.remove_prefix(size);
    return true;
  }
  bool fail() {
    failed_ = true;
    return false;
  }

  std::string_view rest_;
  bool failed_ = false;
};

inline void put_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

inline void put_number(std::string& out, uint32_t number, uint64_t value) {
  put_varint(out, static_cast<uint64_t>(number) << 3);
  put_varint(out, value);
}

inline void put_bytes(std::string& out, uint32_t number, std::string_view bytes) {
  put_varint(out, (static_cast<uint64_t>(number) << 3) | 2);
  put_varint(out, bytes.size());
  out.append(bytes);
}

}  // namespace gantry::schema::wire
