#include "core/network/services/key_inbox.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <utility>

namespace gantry::network {
namespace {

struct Inbox : testing::Test {
  void run() {
    for (auto& fn : std::exchange(runs, {})) fn();
  }
  std::vector<std::function<void()>> runs;
  std::vector<KeyInbox::Keys> looks;
  std::function<void()> meanwhile;
  std::shared_ptr<KeyInbox> inbox =
      std::make_shared<KeyInbox>([this](std::function<void()> fn) { runs.push_back(std::move(fn)); },
                                 [this](KeyInbox::Keys keys) {
                                   looks.push_back(std::move(keys));
                                   if (const auto once = std::exchange(meanwhile, nullptr)) once();
                                 });
  using Looks = std::vector<KeyInbox::Keys>;
};

TEST_F(Inbox, EachKeyLiesThereOnce) {
  for (const char* key : {"b", "a", "b"}) inbox->put(key);
  EXPECT_EQ(runs.size(), 1U);
  EXPECT_EQ(looks, Looks());
  run();
  EXPECT_EQ(looks, (Looks{{"b", "a"}}));
  inbox->put("b");
  run();
  EXPECT_EQ(looks, (Looks{{"b", "a"}, {"b"}}));
}

TEST_F(Inbox, WhatComesDuringALookIsLookedAtToo) {
  meanwhile = [this] { inbox->put("a"); };
  inbox->put("a");
  run();
  EXPECT_EQ(looks, (Looks{{"a"}, {"a"}}));
  EXPECT_TRUE(runs.empty());
}

TEST_F(Inbox, WhereThereAreTooManyEverythingIsMeant) {
  for (size_t i = 0; i < KeyInbox::kMost; ++i) inbox->put("k" + std::to_string(i));
  run();
  ASSERT_EQ(looks.size(), 1U);
  EXPECT_EQ(looks[0].size(), KeyInbox::kMost);
  for (size_t i = 0; i < KeyInbox::kMost + 3; ++i) inbox->put("k" + std::to_string(i));
  run();
  ASSERT_EQ(looks.size(), 2U);
  EXPECT_TRUE(looks[1].empty());
  inbox->put("a");
  run();
  EXPECT_EQ(looks.back(), KeyInbox::Keys{"a"});
}

TEST_F(Inbox, NothingIsLookedAtOnceItStopped) {
  inbox->put("a");
  inbox->stop();
  run();
  inbox->put("b");
  run();
  EXPECT_EQ(looks, Looks());
}

TEST_F(Inbox, WhatIsLeftOfOneThatIsGoneDoesNothing) {
  inbox->put("a");
  inbox.reset();
  run();
  EXPECT_EQ(looks, Looks());
}

}  // namespace
}  // namespace gantry::network
