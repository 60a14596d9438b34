// Chance that comes out the same in every run: a hash of the seed and of what it decides about. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::sim {

// What the id of an image is thrown for, in an image's list and in a pod's status.
inline constexpr uint32_t kImageId = 17;

class Dice {
 public:
  // `subject`: "namespace/name/container"; a UID would be another one in every run.
  Dice(int64_t seed, std::string_view subject) : state_(static_cast<uint64_t>(seed) ^ 14'695'981'039'346'656'037ULL) {
    for (const char c : subject) state_ = (state_ ^ static_cast<uint8_t>(c)) * 1'099'511'628'211ULL;
  }
  // Evenly from 0 up to 1; the same for the same question and attempt.
  double roll(uint32_t question, int64_t attempt) const {
    return static_cast<double>(hash(question, attempt) >> 11) / static_cast<double>(uint64_t{1} << 53);
  }
  // Hexadecimal digits for ids.
  std::string digits(uint32_t question, int64_t attempt, size_t count) const {
    std::string text;
    for (uint32_t word = 0; text.size() < count; ++word) {
      uint64_t bits = hash(question + (word << 8), attempt);
      for (int i = 0; i < 16 && text.size() < count; ++i, bits >>= 4) text += "0123456789abcdef"[bits & 15];
    }
    return text;
  }

 private:
  // The end of splitmix64: neighbouring questions have nothing to do with each other.
  uint64_t hash(uint32_t question, int64_t attempt) const {
    uint64_t z = state_ + (static_cast<uint64_t>(question) << 32) + static_cast<uint64_t>(attempt) + 1;
    z *= 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  uint64_t state_;
};

}  // namespace gantry::sim
