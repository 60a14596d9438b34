#include "core/node/logs/log_tail.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "gantry/text.hpp"

namespace gantry::node {
namespace {

struct LogTailTest : ::testing::Test {
  void SetUp() override {
    char name[] = "/tmp/log-tail-XXXXXX";
    folder = ::mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(folder); }
  std::string tail(const std::string& log) {
    std::ofstream(folder + "/log", std::ios::binary) << log;
    return log_tail(folder + "/log");
  }
  static std::string record(const std::string& tag, const std::string& text) {
    return "2026-01-01T00:00:00.000000000Z stdout " + tag + " " + text + "\n";
  }
  std::string folder;
};

TEST_F(LogTailTest, PiecesOfALineAreJoined) {
  EXPECT_EQ(tail(record("P", "loading .") + record("P", ".") + record("F", ". failed") + record("F", "next")),
            "loading ... failed\nnext\n");
}

TEST_F(LogTailTest, ALogThatEndsWithoutALineEndGetsNone) {
  EXPECT_EQ(tail(record("F", "one") + record("P", "two")), "one\ntwo");
}

TEST_F(LogTailTest, TheLastLinesAreCountedByLinesAndNotByPieces) {
  std::string log, wanted;
  for (int i = 0; i < 90; ++i) {
    const auto name = std::to_string(i);
    log += record("P", name + "-") + record("F", "end");
    if (i >= 10) wanted += name + "-end\n";
  }
  EXPECT_EQ(tail(log), wanted);
}

TEST_F(LogTailTest, TheLastBytesAreKept) {
  std::string log, all;
  for (int i = 0; i < 60; ++i) {
    log += record("F", "\xE7\xAC\xAC step " + std::string(45, 'x'));
    all += "\xE7\xAC\xAC step " + std::string(45, 'x') + "\n";
  }
  const auto found = tail(log);
  EXPECT_EQ(found, all.substr(all.size() - 2048));
  // Even where bytes came one by one.
  log.clear();
  for (int i = 0; i < 5000; ++i) log += record("P", "y");
  EXPECT_EQ(tail(log), std::string(2048, 'y'));
}

TEST_F(LogTailTest, WhatIsNoLogLineIsLeftOut) {
  EXPECT_EQ(tail("torn by a crash\n" + record("F", "kept")), "kept\n");
  EXPECT_EQ(log_tail(folder + "/none"), "");
}

TEST(TextTest, BytesBecomeText) {
  EXPECT_EQ(as_text("plain \xC3\xA9"), "plain \xC3\xA9");
  EXPECT_EQ(as_text("\xE9t\xE9\n"), "\xEF\xBF\xBDt\xEF\xBF\xBD\n");
  // A character cut at its front, at its end, too long, a surrogate, beyond the last.
  EXPECT_EQ(as_text("\xAC\xAC ok \xE7\xAC"), "\xEF\xBF\xBD\xEF\xBF\xBD ok \xEF\xBF\xBD\xEF\xBF\xBD");
  for (const char* wrong :
       {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80", "\xF4\x90\x80\x80", "\xF5"}) {
    EXPECT_FALSE(is_utf8(wrong));
    EXPECT_TRUE(is_utf8(as_text(wrong)));
  }
  for (const char* right : {"", "\xC2\x80", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(right));
  }
}

TEST(TextTest, ACutFallsBetweenCharacters) {
  const std::string text = "a\xE7\xAC\xAC";
  EXPECT_EQ(cut_text(text, 4), text);
  EXPECT_EQ(cut_text(text, 3), "a");
  EXPECT_EQ(cut_text(text, 1), "a");
  EXPECT_EQ(cut_text(text, 0), "");
}

}  // namespace
}  // namespace gantry::node
