// gantryctl plugin new: what it writes, and what it refuses. That the project builds is seen by tests/sdk.
#include "core/daemon/ctl/plugin_new.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "core/daemon/ctl/commands.hpp"
#include "core/daemon/ctl/completion.hpp"

namespace gantry::ctl {
namespace {

namespace fs = std::filesystem;

struct PluginNewTest : ::testing::Test {
  PluginNewTest() { fs::create_directories(root); }
  ~PluginNewTest() override { fs::remove_all(root); }
  int run(std::vector<std::string> words) {
    std::istringstream in;
    std::ostringstream out_stream, err_stream;
    words.insert(words.begin(), {"plugin", "new"});
    const int code = ctl::run(words, in, out_stream, err_stream);
    out = out_stream.str();
    err = err_stream.str();
    return code;
  }
  std::string read(const fs::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  const fs::path root = fs::temp_directory_path() / ("gantry-plugin-new-" + std::to_string(::getpid()));
  std::string out, err;
};

TEST_F(PluginNewTest, WritesAProject) {
  const fs::path dir = root / "deep" / "project";
  ASSERT_EQ(run({"controller", "pod-counter", "--dir", dir.string()}), 0) << err;
  EXPECT_EQ(out, "controller/pod-counter created in " + dir.string() + "; its README.md says how to build it\n");
  EXPECT_NE(read(dir / "CMakeLists.txt").find("gantry_add_plugin(pod-counter SOURCES pod_counter.cpp)"),
            std::string::npos);
  EXPECT_NE(read(dir / "pod_counter.cpp").find("GANTRY_CONTROLLER(PodCounter, \"pod-counter\""), std::string::npos);
  EXPECT_TRUE(fs::exists(dir / "pod_counter_test.cpp"));
}

TEST_F(PluginNewTest, EveryKindIsAWholeProject) {
  ASSERT_EQ(template_kinds(), (std::vector<std::string>{"controller", "kind", "network", "runtime"}));
  for (const auto& kind : template_kinds()) {
    const fs::path dir = root / kind;
    ASSERT_EQ(run({kind, "pod-counter", "--dir", dir.string()}), 0) << err;
    for (const char* file : {"CMakeLists.txt", "README.md", "pod_counter.cpp", "pod_counter_test.cpp"}) {
      EXPECT_TRUE(fs::exists(dir / file)) << kind << "/" << file;
    }
    for (const auto& file : fs::directory_iterator(dir)) {
      for (const char* mark : {"@NAME@", "@FILE@", "@CLASS@", "@LOWER@", "@SDK_VERSION@"}) {
        EXPECT_EQ(read(file.path()).find(mark), std::string::npos) << file.path() << " " << mark;
      }
    }
    for (const char* shell : {"bash", "zsh"}) {
      EXPECT_NE(completion_script(shell).find(kind), std::string::npos) << shell << " " << kind;
    }
  }
  EXPECT_NE(read(root / "kind" / "pod_counter.proto").find("plural: \"podcounters\""), std::string::npos);
  EXPECT_NE(read(root / "network" / "pod_counter.cpp").find("GANTRY_PLUGIN(PodCounter, \"pod-counter\""),
            std::string::npos);
}

TEST_F(PluginNewTest, WithoutDirItIsTheNameHere) {
  const fs::path before = fs::current_path();
  fs::current_path(root);
  const int code = run({"controller", "here"});
  fs::current_path(before);
  EXPECT_EQ(code, 0) << err;
  EXPECT_TRUE(fs::exists(root / "here" / "here.cpp"));
}

TEST_F(PluginNewTest, ANameMayBeginWithADigit) {
  ASSERT_EQ(run({"controller", "3d", "--dir", (root / "x").string()}), 0) << err;
  EXPECT_NE(read(root / "x" / "3d.cpp").find("class Plugin3d :"), std::string::npos);
}

TEST_F(PluginNewTest, RefusesOtherNamesThanLabels) {
  for (const std::string name : {"", "Upper", "-a", "a-", "a_b", "a.b", "../a", "ä"}) {
    EXPECT_EQ(run({"controller", "--dir", (root / "x").string(), "--", name}), 1) << name;
    EXPECT_NE(err.find("\"" + name + "\" is not a valid plugin name"), std::string::npos) << err;
  }
  EXPECT_EQ(run({"controller", std::string(64, 'a'), "--dir", (root / "x").string()}), 1);
  EXPECT_EQ(run({"controller", std::string(63, 'a'), "--dir", (root / "x").string()}), 0) << err;
}

TEST_F(PluginNewTest, AFolderThatExistsStaysAsItIs) {
  EXPECT_EQ(run({"controller", "a", "--dir", root.string()}), 1);
  EXPECT_EQ(err, "gantryctl: " + root.string() + ": exists already; remove it, or choose another folder with --dir\n");
  EXPECT_TRUE(fs::is_empty(root));
}

TEST_F(PluginNewTest, OtherKindsAreNamedInTheAnswer) {
  EXPECT_EQ(run({"volume", "a", "--dir", (root / "x").string()}), 1);
  EXPECT_NE(err.find("no template for a plugin of kind \"volume\"; there is: controller, kind, network, runtime"),
            std::string::npos)
      << err;
}

TEST_F(PluginNewTest, AFolderThatCanNotBeMade) {
  std::ofstream(root / "file") << "x";
  EXPECT_EQ(run({"controller", "a", "--dir", (root / "file" / "x").string()}), 1);
  EXPECT_NE(err.find("could not be created"), std::string::npos) << err;
}

TEST_F(PluginNewTest, TheCommandLine) {
  EXPECT_EQ(run({"controller"}), 2);
  EXPECT_NE(err.find("usage: gantryctl plugin new KIND NAME"), std::string::npos) << err;
  std::istringstream in;
  std::ostringstream ignored, message;
  EXPECT_EQ(ctl::run({"plugin", "list", "--dir", "x"}, in, ignored, message), 2);
  EXPECT_NE(message.str().find("unknown option --dir for 'plugin list'"), std::string::npos) << message.str();
}

}  // namespace
}  // namespace gantry::ctl
