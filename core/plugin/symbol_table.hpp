// The names of a plugin's functions, for the stacks that the watchdog shows: from the image itself, or, when that was
// stripped, from the debug file that the build left beside it (NAME.so.debug, or .debug/NAME.so.debug), if both have
// the same build ID. One thread.
#pragma once

#include <elf.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace gantry::plugin {

class SymbolTable {
 public:
  // `image` is what is loaded, the daemon's private copy; `original` where it was copied from.
  SymbolTable(const std::filesystem::path& image, const std::filesystem::path& original);

  // The function at an offset into the image; empty when nothing is known of it.
  std::string find(uint64_t offset);

 private:
  static constexpr uint64_t kMaxTable = 64 << 20;
  // The symbols of a file; the build ID comes along.
  bool open(const std::filesystem::path& file);
  bool read_build_id(const Elf64_Shdr& section);
  template <typename T>
  bool read_at(uint64_t offset, T* into, size_t count);

  std::ifstream file_;
  std::string build_id_;
  std::vector<Elf64_Sym> symbols_;
  Elf64_Shdr names_{};
};

}  // namespace gantry::plugin
