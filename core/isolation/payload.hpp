// Payloads: fields one after another, numbers as they lie in memory, byte strings with a u32 length before them.
// The reader never reads beyond the end: what is missing reads as zero and done() says no. One thread.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "gantry/abi/base.h"
#include "gantry/bytes.hpp"

namespace gantry::isolation {

class PayloadWriter {
 public:
  template <typename T>
  PayloadWriter& number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  PayloadWriter& bytes(std::string_view text) {
    number(static_cast<uint32_t>(text.size()));
    bytes_.append(text);
    return *this;
  }
  PayloadWriter& bytes(gantry_slice slice) { return bytes(to_view(slice)); }
  // Without its length: what the reader takes as its rest().
  PayloadWriter& raw(gantry_slice slice) {
    bytes_.append(to_view(slice));
    return *this;
  }
  const std::string& view() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class PayloadReader {
 public:
  explicit PayloadReader(std::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T number() {
    static_assert(std::is_arithmetic_v<T>);
    T value{};
    if (rest_.size() < sizeof value) {
      fail();
      return value;
    }
    std::memcpy(&value, rest_.data(), sizeof value);
    rest_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view bytes() {
    const auto size = number<uint32_t>();
    if (rest_.size() < size) {
      fail();
      return {};
    }
    const auto found = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return found;
  }
  // All that is left.
  std::string_view rest() { return std::exchange(rest_, {}); }
  bool empty() const { return rest_.empty(); }
  // Everything was there and nothing is left.
  bool done() const { return good_ && rest_.empty(); }

 private:
  void fail() {
    good_ = false;
    rest_ = {};
  }

  std::string_view rest_;
  bool good_ = true;
};

// What every answer to a call of the daemon holds.
struct Reply {
  gantry_code code = 0;
  std::string response;
  std::string error;  // a meta.v1.Status, or nothing

  std::string encode() const { return PayloadWriter().number(code).bytes(response).bytes(error).take(); }
  static bool decode(std::string_view payload, Reply& reply) {
    PayloadReader reader(payload);
    reply.code = reader.number<gantry_code>();
    reply.response = reader.bytes();
    reply.error = reader.bytes();
    return reader.done();
  }
};

}  // namespace gantry::isolation
