// For tests of what third parties get: the SDK installed into a folder of its own, and projects built there.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/e2e/suite.hpp"

namespace gantry::e2e {

namespace fs = std::filesystem;
using std::chrono::seconds;

inline std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// cmake --install writes a list of the files into the build's folder: one at a time.
constexpr const char* kInstallLock = GANTRY_BUILD_DIR "/sdk-install.lock";

// What is compiled for is whether it builds and what it does; where its size matters, as it would be released.
constexpr const char* kQuick = "None";
constexpr const char* kRelease = "Release";

class SdkInstall : public ::testing::Test {
 public:
  static void SetUpTestSuite() {
    char pattern[] = "/tmp/gantry-sdk-XXXXXX";
    root_ = ::mkdtemp(pattern);
    const auto done = run({"flock", kInstallLock, "cmake", "--install", GANTRY_BUILD_DIR, "--component", "sdk",
                           "--prefix", sdk().string()},
                          seconds(300));
    ASSERT_EQ(done.code, 0) << done.out << done.err;
  }
  static void TearDownTestSuite() { fs::remove_all(root_); }

 protected:
  static fs::path sdk() { return root_ / "sdk"; }
  static fs::path plugins() { return root_ / "plugins"; }

  static Output shell(const fs::path& dir, const std::string& script, seconds limit = seconds(400)) {
    return run({"bash", "-c",
                "set -euo pipefail; cd '" + dir.string() + "'; export CMAKE_PREFIX_PATH='" + sdk().string() +
                    "' PKG_CONFIG_PATH='" + sdk().string() + "/lib/pkgconfig'; " + script},
               limit);
  }
  // A copy of an example as it was installed, to be built in.
  static fs::path copy_of(const std::string& example) {
    const auto dir = root_ / example;
    fs::remove_all(dir);
    fs::copy(sdk() / "share/gantry/examples" / example, dir, fs::copy_options::recursive);
    return dir;
  }
  // Builds a CMake project, runs its tests, and puts what it made where the daemon looks.
  static void build(const fs::path& dir, const std::string& plugin, const std::string& type = kQuick) {
    make(dir, plugin, type, "cmake --build build && ctest --test-dir build --output-on-failure");
  }
  // Without its tests.
  static void build_plugin(const fs::path& dir, const std::string& plugin) {
    make(dir, plugin, kQuick, "cmake --build build --target " + plugin + ".so");
  }
  static void make(const fs::path& dir, const std::string& plugin, const std::string& type, const std::string& how) {
    const auto done = shell(dir, "cmake -G Ninja -S . -B build -DCMAKE_BUILD_TYPE=" + type + " && " + how);
    ASSERT_EQ(done.code, 0) << done.out << done.err;
    fs::create_directories(plugins());
    fs::copy_file(dir / "build" / (plugin + ".so"), plugins() / (plugin + ".so"), fs::copy_options::overwrite_existing);
  }
  static std::string exports(const std::string& plugin) {
    return shell(plugins(), "nm -D --defined-only " + plugin + ".so | awk '{print $NF}'").out;
  }
  static bool has(const std::string& program) { return shell("/", "command -v " + program).code == 0; }

  static inline fs::path root_;
};

}  // namespace gantry::e2e
