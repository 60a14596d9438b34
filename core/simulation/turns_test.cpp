#include "core/simulation/turns.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <vector>

namespace gantry::simulation {
namespace {

using std::chrono::milliseconds;

TEST(Turns, RunInTheOrderOfTheirTickets) {
  Turns turns;
  std::vector<Turns::Ticket> tickets;
  for (int i = 0; i < 8; ++i) tickets.push_back(turns.take("test"));
  std::vector<int> order;  // no lock: one turn at a time is what is tested
  std::vector<std::thread> threads;
  for (int i = 7; i >= 0; --i) {
    threads.emplace_back([&, i] {
      const Turn turn(&turns, tickets[static_cast<size_t>(i)]);
      order.push_back(i);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_TRUE(turns.wait_quiet());
  EXPECT_EQ(turns.broken(), 0U);
}

TEST(Turns, AWaitLetsOthersRunAndGoesOnInThePlaceOfItsAnswer) {
  Turns turns;
  std::string order;
  const auto first = turns.take("first"), second = turns.take("second");
  std::promise<void> answer;
  Turns::Ticket third = 0;
  std::thread other([&] {
    const Turn turn(&turns, second);
    order += "b";
  });
  {
    const Turn turn(&turns, first);
    auto mine = std::make_shared<Await>();
    order += "a";
    std::thread helper;
    {
      const auto work = bind_turn("helper", [&] {
        order += "c";
        mine->answered();
        third = turns.take("third");
        answer.set_value();
      });
      helper = std::thread(work);
    }
    mine->wait([&] { answer.get_future().wait(); });
    order += "d";
    helper.join();
    EXPECT_EQ(Turns::current(), &turns);
  }
  EXPECT_EQ(Turns::current(), nullptr);
  other.join();
  turns.drop(third);
  EXPECT_EQ(order, "abcd");
  EXPECT_TRUE(turns.wait_quiet());
}

TEST(Turns, AnAnswerThatCameBeforeTheWaitKeepsTheTurn) {
  Turns turns;
  const Turn turn(&turns, "test");
  Await await;
  await.answered();
  EXPECT_EQ(await.wait([] { return 7; }), 7);
  EXPECT_EQ(Turns::current(), &turns);
}

TEST(Turns, AnAnswerAfterTheWaitWasGivenUpLeavesNothingBehind) {
  Turns turns;
  auto await = std::make_shared<Await>();
  {
    const Turn turn(&turns, "test");
    await = std::make_shared<Await>();
    await->wait([] {});
  }
  await->answered();
  EXPECT_TRUE(turns.wait_quiet());
}

TEST(Turns, WhoHoldsEverybodyUpIsNamedAndPassedBy) {
  std::string said;
  Turns turns(milliseconds(50), [&](const std::string& text) { said = text; });
  const auto stuck = turns.take("the stuck one");
  EXPECT_FALSE(turns.wait_quiet());
  EXPECT_EQ(turns.who(), "the stuck one");
  { const Turn turn(&turns, "another"); }
  EXPECT_NE(said.find("the stuck one has not ended its turn"), std::string::npos) << said;
  EXPECT_EQ(turns.broken(), 1U);
  turns.drop(stuck);
  EXPECT_TRUE(turns.wait_quiet());
}

TEST(Turns, ABellTakesOneTicketForAllThatIsLeft) {
  Turns turns;
  Bell bell("bell", &turns);
  bell.ring();
  bell.ring();
  EXPECT_TRUE(bell.rung());
  bell.enter();
  EXPECT_FALSE(bell.rung());
  bell.ring();  // from within: another turn
  bell.leave();
  EXPECT_TRUE(bell.rung());
  bell.enter();
  bell.leave();
  EXPECT_TRUE(turns.wait_quiet());
}

TEST(Turns, WhatComesFromOutsideWaitsUntilAllIsDone) {
  Turns turns;
  std::string order;
  const auto first = turns.take("first"), second = turns.take("second");
  std::thread outside([&] {
    const Turn turn(&turns, "outside");
    order += "c";
  });
  const auto run = [&](Turns::Ticket ticket, char name) {
    const Turn turn(&turns, ticket);
    order += name;
  };
  run(first, 'a');
  run(second, 'b');
  outside.join();
  EXPECT_EQ(order, "abc");
  EXPECT_TRUE(turns.wait_quiet());
}

TEST(Turns, OutsideOfSimulatedTimeNothingHappens) {
  Bell bell("bell");
  bell.ring();
  EXPECT_FALSE(bell.rung());
  bell.enter();
  bell.leave();
  Await await;
  await.answered();
  EXPECT_EQ(await.wait([] { return 1; }), 1);
  const Turn turn(nullptr, "nobody");
  EXPECT_EQ(Turns::current(), nullptr);
}

}  // namespace
}  // namespace gantry::simulation
