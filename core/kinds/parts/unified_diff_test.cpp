// Differences as patches show them.
#include "core/kinds/parts/unified_diff.hpp"

#include <gtest/gtest.h>

namespace gantry::kinds::unified_diff_test {
namespace {

std::string letters(std::string_view text) {
  std::string lines;
  for (char c : text) lines.append(1, c).append("\n");
  return lines;
}
// In one line.
std::string diff(std::string_view a, std::string_view b) {
  std::string out = unified_diff(letters(a), letters(b));
  for (char& c : out) c = c == '\n' ? '|' : c;
  return out;
}

TEST(UnifiedDiff, ShowsWhatIsAroundAChange) {
  EXPECT_EQ(diff("abc", "abc"), "");
  EXPECT_EQ(diff("abcdefgh", "abcdxfgh"), "@@ -2,7 +2,7 @@| b| c| d|-e|+x| f| g| h|");
  EXPECT_EQ(diff("abc", "xbc"), "@@ -1,3 +1,3 @@|-a|+x| b| c|");
  EXPECT_EQ(diff("", "ab"), "@@ -0,0 +1,2 @@|+a|+b|");
  EXPECT_EQ(diff("a", ""), "@@ -1 +0,0 @@|-a|");
  EXPECT_EQ(diff("abcde", "abde"), "@@ -1,5 +1,4 @@| a| b|-c| d| e|");
  EXPECT_EQ(diff("ab", "xy"), "@@ -1,2 +1,2 @@|-a|-b|+x|+y|");
}

TEST(UnifiedDiff, ChangesFarApartAreHunks) {
  EXPECT_EQ(diff("a123456b", "x123456y"), "@@ -1,8 +1,8 @@|-a|+x| 1| 2| 3| 4| 5| 6|-b|+y|");
  EXPECT_EQ(diff("a1234567b", "1234567yz"), "@@ -1,4 +1,3 @@|-a| 1| 2| 3|@@ -6,4 +5,5 @@| 5| 6| 7|-b|+y|+z|");
}

TEST(UnifiedDiff, VeryManyLinesAreReplaced) {
  std::string a, b;
  for (int i = 0; i < 400; ++i) {
    a += "a" + std::to_string(i) + "\nboth\n";
    b += "b" + std::to_string(i) + "\nboth\n";
  }
  const std::string out = unified_diff(a, b);
  EXPECT_EQ(out.substr(0, out.find('\n')), "@@ -1,800 +1,800 @@");
}

}  // namespace
}  // namespace gantry::kinds::unified_diff_test
