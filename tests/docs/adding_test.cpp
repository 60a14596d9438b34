// docs/guides/adding.md, done as it is written: its files are put into a copy of the tree, and what they add is built
// there with the tree's own rules and asked for. Whatever they leave alone comes from this build.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "tests/e2e/process.hpp"

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// The blocks that a page gives a file's name, by that name.
std::map<std::string, std::string> files(const std::string& page) {
  static const std::regex kNamed("\n`([^`\n]+)`:\n\n```[a-z]+\n([^]*?\n)```\n");
  std::map<std::string, std::string> found;
  for (std::sregex_iterator at(page.begin(), page.end(), kNamed), end; at != end; ++at) found[at->str(1)] = at->str(2);
  return found;
}

class Adding : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/gantry-adding-XXXXXX";
    root_ = ::mkdtemp(pattern);
  }
  void TearDown() override { fs::remove_all(root_); }

  // The source tree as links, so that only what is added is new.
  void copy_tree() const {
    fs::create_directory(root_ / "tree");
    const auto done =
        run({"bash", "-c",
             "cp -rs " GANTRY_SOURCE_DIR "/{CMakeLists.txt,cmake,core,sdk} '" + (root_ / "tree").string() +
                 "' && install -D " GANTRY_SOURCE_DIR "/plugins/defaults.toml '" +
                 (root_ / "tree/plugins/defaults.toml").string() + "'"});
    ASSERT_EQ(done.code, 0) << done.err;
  }
  void put(const std::string& name, const std::string& text) const {
    const fs::path path = root_ / "tree" / name;
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  // Objects of the tree there, linked before this build's libraries: what they define is taken from them.
  std::string build(const std::string& objects) const {
    const std::string script = "set -euo pipefail; cd '" + root_.string() +
                               "'\n"
                               "cmake -G Ninja -S tree -B build -DCMAKE_BUILD_TYPE=" GANTRY_BUILD_TYPE
                               " -DGANTRY_SANITIZE=" GANTRY_SANITIZERS
                               " -DBUILD_TESTING=OFF -DCMAKE_UNITY_BUILD=OFF "
                               "'-DGANTRY_ROOMS=sdk;core/cel;core/limits;core/schema;core/kinds' >configured\n"
                               "cd build; ninja -j 2 " +
                               objects +
                               " >../built\n"
                               "link=$(ninja -C " GANTRY_BUILD_DIR
                               " -t commands api_probe | tail -n 1)\n"
                               "objects=$(for o in " +
                               objects +
                               "; do printf '%s/%s ' \"$PWD\" $o; done)\n"
                               "link=${link/ -o bin\\/api_probe / $objects -o " +
                               (root_ / "probe").string() +
                               " }\n"
                               "cd " GANTRY_BUILD_DIR "; bash -c \"$link\"\n";
    const auto done = run({"bash", "-c", script}, std::chrono::seconds(500));
    return done.code == 0 ? "" : done.out + done.err + read_file(root_ / "configured") + read_file(root_ / "built");
  }
  std::vector<std::string> ask(const std::string& requests) const {
    const auto done = run({(root_ / "probe").string()}, std::chrono::seconds(60), requests);
    EXPECT_EQ(done.code, 0) << done.out << done.err;
    std::vector<std::string> answers;
    std::istringstream in(done.out);
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) answers.push_back(line);
    }
    return answers;
  }

  fs::path root_;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(Adding, AKindIsTwoFiles) {
  const auto added = files(read_file(GANTRY_SOURCE_DIR "/docs/guides/adding.md"));
  ASSERT_EQ(added.size(), 2U);
  copy_tree();
  for (const auto& [name, text] : added) put(name, text);
  const std::string kinds = "core/kinds/CMakeFiles/gantry_kinds.dir/";
  ASSERT_EQ(build(kinds + "demo/window.cpp.o " + kinds + "table.cpp.o " +
                  "core/schema/CMakeFiles/gantry_schema.dir/tree/descriptors_blob.c.o"),
            "");
  const std::string base = "/apis/demo.gantry.dev/v1/namespaces/default/windows";
  const auto answers =
      ask("GET /apis/demo.gantry.dev/v1\n"
          "POST " +
          base +
          R"( {"metadata":{"name":"night"},"spec":{"startHour":22}})"
          "\n"
          "POST " +
          base +
          R"( {"metadata":{"name":"odd"},"spec":{"startHour":9,"endHour":8}})"
          "\n"
          "POST " +
          base +
          R"( {"metadata":{"name":"late"},"spec":{"startHour":24}})"
          "\n"
          "GET " +
          base +
          "?as=Table\n"
          "GET /openapi/v3/apis/demo.gantry.dev/v1\n");
  ASSERT_EQ(answers.size(), 6U);
  EXPECT_TRUE(has(answers[0], R"("name":"windows","singularName":"window","namespaced":true,"kind":"Window")"))
      << answers[0];
  EXPECT_TRUE(has(answers[1], "201 ")) << answers[1];
  EXPECT_TRUE(has(answers[1], R"("spec":{"startHour":22,"endHour":23,"timeZone":"UTC"})")) << answers[1];
  EXPECT_TRUE(has(answers[2], "422 ")) << answers[2];
  EXPECT_TRUE(has(answers[2], "spec.endHour: Invalid value: 8: must be greater than startHour")) << answers[2];
  EXPECT_TRUE(has(answers[3], "spec.startHour: Invalid value: 24: must be between 0 and 23, inclusive")) << answers[3];
  EXPECT_TRUE(has(answers[4], R"("cells":["night","22-23"])")) << answers[4];
  EXPECT_TRUE(has(answers[5], "Hours of the day in which maintenance may disturb.")) << answers[5].substr(0, 200);
}

}  // namespace
}  // namespace gantry::e2e
