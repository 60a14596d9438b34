// Random layers over random layers, and damaged ones: whatever they hold, nothing outside the layer's own folder is
// made or changed, what is made is bounded, overlayfs takes it, and no more memory than 64 MiB is needed. Run as root.
//
// layer_fuzz [--seconds N] [gtest's options]: for that long instead of some rounds. GANTRY_FUZZ_ROUNDS and
// GANTRY_FUZZ_SEED as for the other fuzz targets.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>

#include "../digest.hpp"
#include "../layer.hpp"
#include "../mounts.hpp"
#include "../test_image.hpp"

namespace gantry::oci::test {
namespace {

constexpr uint64_t kMaxBytes = 1 << 20;
constexpr size_t kMaxInput = 1 << 20, kMemory = 64u << 20;
int seconds = 0;

uint64_t setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

// All that a change of a tree would show in.
void describe(const fs::path& at, std::string& out) {
  struct stat info {};
  if (::lstat(at.c_str(), &info) < 0) return;
  out += at.string() + " " + std::to_string(info.st_ino) + " " + std::to_string(info.st_mode) + " " +
         std::to_string(info.st_uid) + " " + std::to_string(info.st_size) + " " + std::to_string(info.st_nlink) + " " +
         std::to_string(info.st_ctim.tv_sec) + "." + std::to_string(info.st_ctim.tv_nsec) + "\n";
  if (!S_ISDIR(info.st_mode)) return;
  for (const auto& entry : fs::directory_iterator(at)) describe(entry.path(), out);
}

class LayerFuzz : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    base_ = fs::temp_directory_path() / ("gantry-fuzz-" + random_id().substr(0, 12));
    fs::create_directories(base_);
    ASSERT_EQ(::mount("fuzz", base_.c_str(), "tmpfs", 0, "size=64m"), 0);
    fs::create_directories(base_ / "outside" / "a");
    ASSERT_TRUE(write_file_atomic(base_ / "outside" / "b", "safe").ok());
    fs::create_directory(base_ / "layers");
  }
  void TearDown() override {
    if (base_.empty()) return;
    EXPECT_TRUE(unmount_below(base_).ok());
    fs::remove_all(base_);
  }

  size_t below(size_t limit) { return std::uniform_int_distribution<size_t>(0, limit - 1)(random_); }
  template <typename List>
  auto any(const List& list) {
    return *(std::begin(list) + static_cast<std::ptrdiff_t>(below(std::size(list))));
  }

  // Mostly folders of few names and a file's name, so that entries meet.
  std::string path() {
    static const std::string long_name(200, 'n');
    static const std::vector<std::string> folders = {"a", "a", "a", "b", "b", "c", "l", "m"}, files = {"f", "g", "h"},
                                          odd = {".", "", "..", long_name, "f"};
    std::string out;
    for (size_t i = 0, n = below(4); i < n; i++) out += (below(60) == 0 ? any(odd) : any(folders)) + "/";
    return out + (below(3) == 0 ? any(folders) : any(files));
  }
  std::string target() {
    const std::string outside = (base_ / "outside").string();
    switch (below(6)) {
      case 0:
        return outside + "/a";
      case 1:
        return "../../../../../.." + outside;
      case 2:
        return "/" + path();
      case 3:
        return "../" + path();
      default:
        return path();
    }
  }
  Entry entry() {
    Entry out{path(), {}, {}, {}, static_cast<int>(below(010000)), any(std::string("ffffdddllhcww"))};
    out.uid = static_cast<int>(below(3));
    switch (out.type) {
      case 'f':
        out.content = std::string(below(3) == 0 ? below(100000) : below(10), 'x');
        break;
      case 'l':
        out.symlink = target();
        break;
      case 'h':
        out.hardlink = below(2) == 0 ? target() : path();
        break;
      case 'w': {
        out.type = 'f';
        const auto slash = out.name.rfind('/') + 1;
        out.name.insert(slash, ".wh.");
        if (below(3) == 0) out.name = out.name.substr(0, slash) + ".wh..wh..opq";
        break;
      }
      default:
        break;
    }
    return out;
  }
  std::vector<Entry> entries() {
    std::vector<Entry> out;
    for (size_t i = 0, n = 1 + below(12); i < n; i++) out.push_back(entry());
    return out;
  }

  // Damage, mostly in headers, whose sums are made right again so that they are read at all.
  std::string mutate(std::string bytes) {
    for (size_t i = 0, n = 1 + below(4); i < n && !bytes.empty(); i++) {
      const auto at = below(2) == 0 ? below(bytes.size()) : std::min(bytes.size() - 1, 512 * below(8) + below(512));
      static const std::vector<std::string> pieces = {"77777777777",
                                                      "\x80\xff\xff\xff\xff\xff\xff\xff",
                                                      "../../",
                                                      "/",
                                                      "x",
                                                      "g",
                                                      "S",
                                                      "L",
                                                      "K",
                                                      "1",
                                                      "30 GNU.sparse.major=1\n",
                                                      "22 GNU.sparse.size=9\n",
                                                      std::string(8, '\0')};
      switch (below(4)) {
        case 0:
          bytes[at] = static_cast<char>(below(256));
          break;
        case 1: {
          const auto piece = any(pieces);
          bytes.replace(at, std::min(piece.size(), bytes.size() - at), piece);
          break;
        }
        case 2:
          bytes.resize(at);
          break;
        default:
          if (bytes.size() < kMaxInput / 2) bytes.insert(at, bytes.substr(below(bytes.size()), 512));
          break;
      }
    }
    for (size_t at = 0; at + 512 <= bytes.size(); at += 512) {
      if (bytes.compare(at + 257, 5, "ustar") != 0) continue;
      unsigned sum = 8 * ' ';
      for (size_t i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0 : static_cast<unsigned char>(bytes[at + i]);
      char text[9];
      std::snprintf(text, sizeof text, "%06o", sum);
      bytes.replace(at + 148, 8, std::string(text, 6) + std::string("\0 ", 2));
    }
    return bytes;
  }

  std::string surroundings() const {
    std::string out;
    describe(base_ / "outside", out);
    for (const auto& layer : layers_) describe(layer, out);
    for (const auto& entry : fs::directory_iterator(base_)) out += entry.path().string() + "\n";
    for (const auto& entry : fs::directory_iterator(base_ / "layers")) out += entry.path().string() + "\n";
    // Where a link of a layer leads when it is taken for one of this machine.
    for (const auto* name : {"/a", "/b", "/c", "/l", "/m", "/f", "/g", "/h"}) {
      if (::access(name, F_OK) == 0) out += std::string(name) + "\n";
    }
    return out;
  }

  // True when the layer was taken; it stays on top of the others then.
  bool unpack(const std::string& bytes) {
    const auto into = base_ / "layers" / std::to_string(number_++);
    fs::create_directory(into);
    const auto before = surroundings();
    const auto file = memory_file(bytes);
    const auto got = unpack_layer(file.get(), into, layers_, kMaxBytes);
    EXPECT_EQ(surroundings(), before);
    const auto usage = tree_usage(into);
    EXPECT_LE(usage.bytes, kMaxBytes + usage.inodes * 8192);
    if (!got) {
      EXPECT_TRUE(got.error().code() == 400 || got.error().code() == 413) << got.error().message();
      EXPECT_FALSE(got.error().message().empty());
      EXPECT_TRUE(remove_tree(into).ok());
      return false;
    }
    layers_.push_back(into);
    return true;
  }
  void mount_all() {
    for (const auto* part : {"upper", "work", "merged"}) fs::create_directory(base_ / part);
    const auto status = mount_overlay(layers_, base_ / "upper", base_ / "work", base_ / "merged");
    EXPECT_TRUE(status.ok()) << status.message();
    EXPECT_TRUE(unmount(base_ / "merged").ok());
    for (const auto* part : {"upper", "work", "merged"}) EXPECT_TRUE(remove_tree(base_ / part).ok());
  }
  void clear() {
    for (const auto& layer : layers_) EXPECT_TRUE(remove_tree(layer).ok());
    layers_.clear();
  }

  template <typename Make>
  void run(const Make& make) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    const auto rounds = setting("GANTRY_FUZZ_ROUNDS", 500);
    uint64_t taken = 0, round = 0;
    for (; seconds > 0 ? std::chrono::steady_clock::now() < end : round < rounds; round++) {
      random_.seed(seed_ + round);
      for (size_t i = 0, n = 1 + below(4); i < n; i++) taken += unpack(make()) ? 1 : 0;
      if (layers_.size() > 1 && below(4) == 0) mount_all();
      clear();
      if (HasFailure()) FAIL() << "GANTRY_FUZZ_SEED=" << seed_ + round << " GANTRY_FUZZ_ROUNDS=1 shows this alone";
    }
    EXPECT_GT(taken, round / 4) << "hardly a layer is taken: the search is at the edge only";
  }

  fs::path base_;
  std::vector<fs::path> layers_;
  const uint64_t seed_ = setting("GANTRY_FUZZ_SEED", 20260301);
  std::mt19937_64 random_;
  size_t number_ = 0;
};

// Layers over layers that once were refused, or went astray.
TEST_F(LayerFuzz, Corpus) {
  const auto folder = [](const std::string& name) { return Entry{name, {}, {}, {}, 0755, 'd'}; };
  const auto link = [](const std::string& name, const std::string& to) { return Entry{name, {}, to, {}, 0777, 'l'}; };
  const auto hard = [](const std::string& name, const std::string& to) { return Entry{name, {}, {}, to, 0755, 'h'}; };
  const std::string outside = (base_ / "outside").string();
  const std::vector<std::vector<std::vector<Entry>>> stacks = {
      {{folder("a"), {"a/f", "x"}}, {folder("a"), {"a/f", "x"}}},  // the same one twice
      {{folder("usr/lib"), link("lib", "usr/lib")}, {{"lib/f", "x"}, {"lib/d/g", "y"}}, {{"lib/.wh.f", ""}}},
      {{link("abs", "/real"), link("up", "../../../../b")}, {{"abs/f", "x"}, {"up/g", "x"}}},
      {{link("out", outside + "/a")}, {{"out/evil", "x"}, hard("out/evil2", "out/evil")}, {{"out/.wh..wh..opq", ""}}},
      {{folder("a"), {"a/f", "x"}, link("l", "a")}, {hard("l/g", "l/f"), hard("h", "l/g")}},
      {{folder("a"), {"a/f", "x"}}, {{"a", "a file now"}}, {folder("a"), {"a/g", "x"}}},
      {{link("x", "y"), link("y", "x")}, {{"f", "x"}}},
  };
  for (const auto& layers : stacks) {
    for (const auto& entries : layers) EXPECT_TRUE(unpack(tar(entries)));
    if (layers_.size() > 1) mount_all();
    clear();
  }
}

TEST_F(LayerFuzz, RandomEntries) {
  run([&] { return tar(entries(), below(8) == 0); });
}

TEST_F(LayerFuzz, DamagedArchives) {
  run([&] {
    switch (below(8)) {
      case 0:
        return tar(entries());
      case 1:
        return mutate(tar(entries(), true));
      case 2:
        return mutate(sparse_tar(path(), static_cast<int64_t>(1) << below(30), 1 + static_cast<int64_t>(below(40))));
      default:
        return mutate(tar(entries()));
    }
  });
}

}  // namespace
}  // namespace gantry::oci::test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i + 1 < argc; i++) {
    if (std::strcmp(argv[i], "--seconds") == 0) gantry::oci::test::seconds = std::atoi(argv[i + 1]);
  }
#ifndef GANTRY_SANITIZED
  // In address space: as much as there is now, the input and the bound.
  ::mallopt(M_ARENA_MAX, 1);
  if (auto* file = std::fopen("/proc/self/statm", "r")) {
    unsigned long pages = 0;
    if (std::fscanf(file, "%lu", &pages) == 1) {
      const rlim_t bytes = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + gantry::oci::test::kMaxInput +
                           gantry::oci::test::kMemory;
      const struct rlimit limit = {bytes, bytes};
      ::setrlimit(RLIMIT_AS, &limit);
    }
    std::fclose(file);
  }
#endif
  return RUN_ALL_TESTS();
}
