#include "core/node/runtime/lasting_calls.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace gantry::node {
namespace {

struct LastingCallsTest : ::testing::Test {
  // What it came to, or "..." while it lasts.
  std::string ask(const std::string& pod, const std::string& what) {
    const auto done =
        calls->outcome(pod, what, ++now, [&](LastingCalls::Then then) { begun.push_back(std::move(then)); });
    if (!done) return "...";
    return done->answer ? *done->answer + "@" + std::to_string(done->begun_ns) : done->answer.error().message();
  }
  std::vector<std::string> woken;
  std::vector<LastingCalls::Then> begun;
  int64_t now = 0;
  std::unique_ptr<LastingCalls> calls =
      std::make_unique<LastingCalls>(2, [this](const std::string& pod) { woken.push_back(pod); });
};

TEST_F(LastingCallsTest, BeginOnceAndTellTheirOutcomeOnce) {
  EXPECT_FALSE(calls->has("p", "a"));
  EXPECT_EQ(ask("p", "a"), "...");
  EXPECT_EQ(ask("p", "a"), "...");
  ASSERT_EQ(begun.size(), 1U);
  EXPECT_TRUE(calls->has("p", "a"));
  begun[0](std::string("image"));
  EXPECT_EQ(woken, std::vector<std::string>{"p"});
  EXPECT_TRUE(calls->has("p", "a"));
  EXPECT_EQ(ask("p", "a"), "image@1") << "from when it began";
  EXPECT_FALSE(calls->has("p", "a"));
  EXPECT_EQ(ask("p", "a"), "...") << "the next one";
  begun[1](Status::not_found("no such image"));
  EXPECT_EQ(ask("p", "a"), "no such image");
}

TEST_F(LastingCallsTest, SoManyAtATimeAndTheOthersInTurn) {
  ask("p", "a");
  ask("q", "a");
  for (const char* pod : {"r", "s", "r"}) EXPECT_EQ(ask(pod, "a"), "...");
  EXPECT_EQ(begun.size(), 2U);
  EXPECT_FALSE(calls->has("r", "a"));
  begun[1](std::string());
  EXPECT_EQ(woken, (std::vector<std::string>{"q", "r"}));
  ask("r", "a");
  EXPECT_EQ(begun.size(), 3U);
  EXPECT_EQ(ask("t", "a"), "...");
  calls->forget("s");
  begun[0](std::string());
  EXPECT_EQ(woken, (std::vector<std::string>{"q", "r", "p", "t"})) << "s is gone";
}

TEST_F(LastingCallsTest, WhoComesTooLateForItsTurnWaitsAgain) {
  ask("p", "a");
  ask("q", "a");
  ask("r", "a");
  begun[0](std::string());
  EXPECT_EQ(woken, (std::vector<std::string>{"p", "r"}));
  ask("s", "a");
  EXPECT_EQ(begun.size(), 3U) << "s was faster";
  ask("r", "a");
  begun[1](std::string());
  EXPECT_EQ(woken, (std::vector<std::string>{"p", "r", "q", "r"}));
}

TEST_F(LastingCallsTest, NobodyHearsOfWhatIsNotAskedForAnyMore) {
  ask("p", "a");
  calls->forget("p");
  EXPECT_EQ(ask("p", "a"), "...");
  begun[0](std::string("the first"));
  EXPECT_TRUE(woken.empty());
  EXPECT_EQ(ask("p", "a"), "...") << "this one's is still to come";
  calls.reset();
  begun[1](std::string("late"));
  EXPECT_TRUE(woken.empty());
}

}  // namespace
}  // namespace gantry::node
