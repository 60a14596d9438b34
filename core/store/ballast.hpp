// Ballast: disk space that is kept back in a file beside the database, and given up so that objects can be removed when
// the disk is full.
//
// Owned by the store; used by the opener, then by the writer thread alone. Blocks on the disk.
#pragma once

#include <cstdint>
#include <filesystem>

namespace gantry::store {

class Ballast {
 public:
  // `bytes`: what it is to hold; 0: none is wanted.
  Ballast(std::filesystem::path file, int64_t bytes) : file_(std::move(file)), wanted_(bytes) {}

  // Makes it, or makes it again, of a part of what is free. False: that is too little to be worth it.
  bool fill();
  void release();
  // Given up, and not made again since.
  bool released() const { return released_; }
  int64_t held() const { return held_; }

 private:
  const std::filesystem::path file_;
  const int64_t wanted_;
  int64_t held_ = 0;  // now, or when it was given up
  bool released_ = false;
};

}  // namespace gantry::store
