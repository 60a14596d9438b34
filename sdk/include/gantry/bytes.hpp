// Slices and buffers of the ABI as C++: views in, owned bytes out. Any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "gantry/abi/base.h"

namespace gantry {

inline gantry_slice to_slice(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view to_view(gantry_slice slice) { return {reinterpret_cast<const char*>(slice.data), slice.size}; }

// Fills an out parameter with bytes that the receiver will release.
inline void fill_buffer(gantry_buffer* out, std::string bytes) {
  if (out == nullptr || bytes.empty()) return;
  auto* owned = new std::string(std::move(bytes));
  out->data = reinterpret_cast<const uint8_t*>(owned->data());
  out->size = owned->size();
  out->owner = owned;
  out->release = [](void* owner) { delete static_cast<std::string*>(owner); };
}

// An out parameter that releases itself.
class Buffer {
 public:
  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Buffer(Buffer&& other) noexcept : raw_(std::exchange(other.raw_, {})) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Buffer() {
    if (raw_.release != nullptr) raw_.release(raw_.owner);
  }
  gantry_buffer* out() { return &raw_; }
  std::string_view view() const { return {reinterpret_cast<const char*>(raw_.data), raw_.size}; }

 private:
  gantry_buffer raw_{};
};

}  // namespace gantry
