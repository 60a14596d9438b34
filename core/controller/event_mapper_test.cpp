#include "core/controller/event_mapper.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "core/plugin/bounds.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace gantry::controller {
namespace {

using Answer = EventMapper::Answer;

EventMapper::Item item(const std::string& name, size_t size = 0) {
  k8s::io::api::core::v1::ConfigMap map;
  map.mutable_metadata()->set_name(name);
  (*map.mutable_data())["text"] = std::string(size, 'x');
  static const auto topic = std::make_shared<const EventMapper::Topic>();
  return {topic, {gantry::abi::ObjectEvent::ADDED, index_object(http::make_chunk(map.SerializeAsString())), nullptr}};
}

struct EventMapperTest : testing::Test {
  EventMapper::Options options() {
    return {[this](const EventMapper::Item& given) { return map(given.event.now->name); },
            [this] {
              const std::lock_guard lock(mutex);
              ++listed;
              return std::deque<EventMapper::Item>{item("all-1"), item("all-2")};
            },
            [this](const EventMapper::Item& left_out) {
              const std::lock_guard lock(mutex);
              mapped.push_back("-" + left_out.event.now->name);
              changed.notify_all();
            }};
  }
  Answer map(const std::string& name) {
    std::unique_lock lock(mutex);
    if (answer == Answer::kDone) mapped.push_back(name);
    ++asked;
    changed.notify_all();
    if (name == "hangs") released.wait(lock, [this, mine = ++hung] { return go || back >= mine; });
    return answer;
  }
  bool wait(const std::vector<std::string>& wanted) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), [&] { return mapped == wanted; });
  }
  bool wait_asked(int times) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), [&] { return asked >= times; });
  }
  // So many of those that hang, the first ones first.
  void release(int count) {
    const std::lock_guard lock(mutex);
    back = count;
    released.notify_all();
  }
  void set(Answer next) {
    const std::lock_guard lock(mutex);
    answer = next;
  }

  std::mutex mutex;
  std::condition_variable changed, released;
  std::vector<std::string> mapped;
  Answer answer = Answer::kDone;
  int asked = 0, listed = 0, hung = 0, back = 0;
  bool go = false;
  EventMapper mapper{options()};
};

// Who is asked from now on is asked of everything first, and of nothing from before.
TEST_F(EventMapperTest, AnewEverythingComesInThePlaceOfWhatWaits) {
  set(Answer::kNotNow);
  mapper.add({item("again")});
  ASSERT_TRUE(wait_asked(1));
  mapper.hold();
  mapper.add({item("waits")});
  set(Answer::kDone);
  mapper.wake(false, true);
  EXPECT_TRUE(wait({"all-1", "all-2"}));
  mapper.add({item("next")});
  EXPECT_TRUE(wait({"all-1", "all-2", "next"}));
}

TEST_F(EventMapperTest, MapsInOrder) {
  mapper.hold();
  for (const char* name : {"a", "b", "c"}) mapper.add({item(name)});
  EXPECT_EQ(mapper.waiting(), 3u);
  mapper.wake(false);
  EXPECT_TRUE(wait({"a", "b", "c"}));
  mapper.add({item("d")});
  EXPECT_TRUE(wait({"a", "b", "c", "d"}));
}

TEST_F(EventMapperTest, NothingIsLostWhileNobodyCanBeAsked) {
  set(Answer::kNotNow);
  mapper.add({item("a")});
  ASSERT_TRUE(wait_asked(1));
  mapper.add({item("b")});
  mapper.stop();  // as if: nothing was mapped
  EXPECT_TRUE(mapped.empty());
  EventMapper second(options());
  second.add({item("a")});
  second.add({item("b")});
  ASSERT_TRUE(wait_asked(2));
  set(Answer::kDone);
  second.wake(false);
  EXPECT_TRUE(wait({"a", "b"}));
}

TEST_F(EventMapperTest, AboveTheBoundEverythingIsMappedAnew) {
  mapper.hold();
  for (size_t i = 0; i <= plugin::bounds::kEvents; ++i) mapper.add({item("many")});
  EXPECT_EQ(mapper.waiting(), 0u);
  mapper.add({item("among everything")});
  EXPECT_EQ(mapper.waiting(), 0u);
  mapper.wake(false);
  EXPECT_TRUE(wait({"all-1", "all-2"}));
  mapper.add({item("later")});
  EXPECT_TRUE(wait({"all-1", "all-2", "later"}));
  EXPECT_EQ(listed, 1);
}

TEST_F(EventMapperTest, TheBoundIsOneOfBytesToo) {
  mapper.hold();
  const size_t large = 1024 * 1024;
  for (size_t i = 0; i < plugin::bounds::kEventBytes / large - 1; ++i) mapper.add({item("large", large)});
  EXPECT_EQ(mapper.waiting(), plugin::bounds::kEventBytes / large - 1);
  mapper.add({item("last", large)});
  EXPECT_EQ(mapper.waiting(), 0u);
  mapper.wake(false);
  std::vector<std::string> wanted{"all-1", "all-2"};
  EXPECT_TRUE(wait(wanted));
  // What was dropped or mapped is counted no more.
  for (size_t i = 0; i <= plugin::bounds::kEventBytes / large; ++i) {
    mapper.add({item("later", large)});
    wanted.emplace_back("later");
    ASSERT_TRUE(wait(wanted)) << i;
  }
  EXPECT_EQ(listed, 1);
}

TEST_F(EventMapperTest, OneThatIsHeldWhileItListsMapsNothing) {
  EventMapper* held = nullptr;
  auto given = options();
  given.everything = [&, list = given.everything] {
    auto all = list();
    held->hold();
    return all;
  };
  EventMapper second(std::move(given));
  held = &second;
  second.hold();
  for (size_t i = 0; i <= plugin::bounds::kEvents; ++i) second.add({item("many")});
  second.wake(false);
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (second.waiting() == 0 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  second.stop();
  EXPECT_TRUE(mapped.empty());
}

TEST_F(EventMapperTest, OneThatComesBackLateDoesNotSpeakForItsSuccessor) {
  mapper.add({item("hangs")});
  ASSERT_TRUE(wait_asked(1));
  mapper.wake(true);
  ASSERT_TRUE(wait_asked(2));
  release(1);
  EXPECT_FALSE(mapper.wait_quiet(100)) << "the second still hangs";
  release(2);
  EXPECT_TRUE(mapper.wait_quiet(20'000));
  mapper.add({item("next")});
  EXPECT_TRUE(wait({"hangs", "hangs", "next"}));
}

TEST_F(EventMapperTest, AnEventThatEndsTheProcessIsTriedThreeTimes) {
  set(Answer::kBroken);
  mapper.add({item("deadly")});
  for (int tries = 1; tries < 3; ++tries) {
    ASSERT_TRUE(wait_asked(tries));
    mapper.wake(false);
  }
  EXPECT_TRUE(wait({"-deadly"}));
  EXPECT_EQ(asked, 3);
}

TEST_F(EventMapperTest, AMapThatHangsIsLeftBehindWhenItsInstanceIsReplaced) {
  mapper.add({item("hangs")});
  ASSERT_TRUE(wait_asked(1));
  mapper.add({item("next")});
  EXPECT_FALSE(mapper.wait_quiet(0));
  mapper.wake(false);
  EXPECT_FALSE(mapper.wait_quiet(0)) << "its instance is the current one";
  {
    const std::lock_guard lock(mutex);
    go = true;  // for the second
  }
  mapper.wake(true);
  EXPECT_TRUE(wait({"hangs", "hangs", "next"}));
  released.notify_all();
  mapper.stop();
}

}  // namespace
}  // namespace gantry::controller
