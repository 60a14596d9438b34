// Names out of an image's own file or out of one beside it, and out of neither when it is broken or another's.
#include "core/plugin/symbol_table.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>
#include <sstream>

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

std::string read_all(const fs::path& file) {
  std::stringstream read;
  read << std::ifstream(file, std::ios::binary).rdbuf();
  return read.str();
}

// The bytes of an image, to look into and to break.
struct Image {
  std::string bytes;
  explicit Image(const fs::path& file) : bytes(read_all(file)) {}
  Elf64_Shdr& section(uint32_t type, std::string_view name = {}) {
    const auto& head = *at<Elf64_Ehdr>(0);
    auto* sections = at<Elf64_Shdr>(head.e_shoff);
    const char* names = at<char>(sections[head.e_shstrndx].sh_offset);
    for (size_t i = 1; i < head.e_shnum; ++i) {
      if (sections[i].sh_type == type && (name.empty() || name == names + sections[i].sh_name)) return sections[i];
    }
    ADD_FAILURE() << "no section of type " << type;
    return sections[0];
  }
  Elf64_Sym function(std::string_view part) {
    const auto& table = section(SHT_SYMTAB);
    const auto* symbols = at<Elf64_Sym>(table.sh_offset);
    const auto& names = at<Elf64_Shdr>(at<Elf64_Ehdr>(0)->e_shoff)[table.sh_link];
    for (size_t i = 0; i < table.sh_size / sizeof(Elf64_Sym); ++i) {
      const bool named = std::string_view(at<char>(names.sh_offset + symbols[i].st_name)).find(part) != part.npos;
      if (named && ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC) return symbols[i];
    }
    ADD_FAILURE() << "no function " << part;
    return {};
  }

 private:
  template <typename T>
  T* at(size_t offset) {
    return reinterpret_cast<T*>(bytes.data() + offset);
  }
};

class SymbolTableTest : public testing::Test {
 protected:
  void SetUp() override {
    dir_ = fs::temp_directory_path() / ("gantry-symbols-" + std::to_string(::getpid()) + "-" +
                                        testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::create_directories(dir_);
  }
  void TearDown() override { fs::remove_all(dir_); }
  fs::path file() const { return dir_ / "slow.so"; }
  void objcopy(const std::string& arguments) {
    ASSERT_EQ(std::system(("objcopy " + arguments).c_str()), 0) << arguments;
  }
  // The plugin without names, and beside it a file with those of a plugin.
  void strip(const fs::path& names, const std::string& more = {}) {
    objcopy("--only-keep-debug " + more + " " + names.string() + " " + file().string() + ".debug");
    objcopy("--strip-all " + more + " " + slow_.string() + " " + file().string());
  }
  void write(const Image& image) const { std::ofstream(file(), std::ios::binary) << image.bytes; }

  fs::path dir_;
  const fs::path slow_ = fs::path(TEST_PLUGINS) / "slow.so", other_ = fs::path(TEST_PLUGINS) / "test_plugin_good.so";
};

TEST_F(SymbolTableTest, AFunctionGoesFromItsFirstByteToItsLast) {
  const auto function = Image(slow_).function("linger_until_told");
  SymbolTable table(slow_, slow_);
  EXPECT_NE(table.find(function.st_value).find("linger_until_told"), std::string::npos);
  EXPECT_NE(table.find(function.st_value + function.st_size - 1).find("linger_until_told"), std::string::npos);
  EXPECT_EQ(table.find(function.st_value + function.st_size).find("linger_until_told"), std::string::npos);
  EXPECT_EQ(table.find(UINT64_MAX), "");
}

TEST_F(SymbolTableTest, NamesLieBesideTheImage) {
  strip(slow_);
  const auto function = Image(slow_).function("linger_until_told");
  EXPECT_NE(SymbolTable(file(), file()).find(function.st_value).find("linger_until_told"), std::string::npos);
}

TEST_F(SymbolTableTest, NamesOfAnotherBuildAreNone) {
  strip(other_);
  EXPECT_EQ(SymbolTable(file(), file()).find(Image(other_).function("reconcile").st_value), "");
}

TEST_F(SymbolTableTest, WithoutABuildIdNobodyKnowsWhoseTheyAre) {
  strip(slow_, "--remove-section=.note.gnu.build-id");
  EXPECT_EQ(SymbolTable(file(), file()).find(Image(slow_).function("linger_until_told").st_value), "");
}

TEST_F(SymbolTableTest, WhatIsBrokenHasNoNames) {
  const auto at = Image(slow_).function("linger_until_told").st_value;
  const std::function<void(Image&)> breaks[] = {
      [](Image& image) { image.section(SHT_SYMTAB).sh_link = 0xffff; },
      [](Image& image) { image.section(SHT_SYMTAB).sh_size = SIZE_MAX; },
      [](Image& image) { image.section(SHT_SYMTAB).sh_offset = SIZE_MAX; },
      [](Image& image) { image.bytes.resize(100); },
      [](Image& image) { image.bytes.clear(); },
  };
  for (const auto& damage : breaks) {
    Image image(slow_);
    damage(image);
    write(image);
    EXPECT_EQ(SymbolTable(file(), file()).find(at), "");
  }
}

TEST_F(SymbolTableTest, ABrokenNoteIsNoBuildId) {
  strip(slow_);
  Image image(file());
  auto& note =
      *reinterpret_cast<Elf64_Nhdr*>(image.bytes.data() + image.section(SHT_NOTE, ".note.gnu.build-id").sh_offset);
  note.n_namesz = 1 << 20;
  write(image);
  EXPECT_EQ(SymbolTable(file(), file()).find(Image(slow_).function("linger_until_told").st_value), "");
}

}  // namespace
}  // namespace gantry::plugin
