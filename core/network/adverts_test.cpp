#include "core/network/adverts.hpp"

#include <gtest/gtest.h>

#include "core/network/played_client.hpp"

namespace gantry::network {
namespace {

TEST(Advert, OnlyTheRoomsOwnAnnotationsCount) {
  const std::map<std::string, std::string> annotations = {
      {"overlay.gantry.dev/backend-type", "x"}, {"overlay.gantry.devil/y", "no"}, {"note", "no"}};
  EXPECT_EQ(advert_of(annotations), (Advert{{"backend-type", "x"}}));
}

TEST(Advert, NamesAndValuesMustDoAsAnnotations) {
  EXPECT_TRUE(check_advert({{"backend-data", R"({"VtepMAC":"fa:16:3e:d5:28:07"})"}, {"public-ip", ""}}).ok());
  for (const Advert& bad : {Advert{{"a/b", "x"}}, Advert{{"", "x"}}, Advert{{"-a", "x"}}, Advert{{"backend-type", "x"}},
                            Advert{{std::string(64, 'a'), "x"}}, Advert{{"a", "\xff"}}}) {
    EXPECT_FALSE(check_advert(bad).ok()) << bad.begin()->first;
  }
  EXPECT_TRUE(check_advert({{"a", std::string((64 << 10) - 1, 'x')}}).ok());
  EXPECT_FALSE(check_advert({{"a", std::string(64 << 10, 'x')}}).ok());
}

struct AdvertWriterTest : testing::Test {
  static std::string patch(const std::string& changes) {
    return R"(PATCH n1 {"metadata":{"annotations":{)" + changes + "}}}";
  }
  PlayedClient client;
  std::vector<std::string> troubles;
  AdvertWriter writer{client, "n1", client.scheduler(), [this](const std::string& text) { troubles.push_back(text); }};
};

TEST_F(AdvertWriterTest, WritesWhatDiffersAndTakesAwayWhatIsOld) {
  writer.want({{"backend-type", "x"}, {"mac", "\"1\""}});
  EXPECT_TRUE(client.requests.empty()) << "the Node is not known yet";
  writer.seen({{"backend-type", "old"}, {"vni", "7"}, {"mac", "\"1\""}}, 5);
  const std::vector<std::string> one = {
      patch(R"("overlay.gantry.dev/backend-type":"x","overlay.gantry.dev/vni":null)")};
  EXPECT_EQ(client.requests, one);
  client.fire();
  writer.seen({{"backend-type", "x"}, {"mac", "\"1\""}}, 6);
  EXPECT_EQ(client.requests, one) << "all is as wanted";
  EXPECT_TRUE(client.waiting().empty());
}

TEST_F(AdvertWriterTest, AFailureIsTriedAgainEverLater) {
  client.refusal = Status::unavailable("not now");
  writer.seen({}, 1);
  writer.want({{"a", "1"}});
  for (const int64_t delay : {200, 400, 800}) {
    EXPECT_EQ(client.waiting(), std::vector<int64_t>{delay});
    writer.seen({}, 1);
    client.fire();
  }
  for (int i = 0; i < 8; ++i) client.fire();
  EXPECT_EQ(client.waiting(), std::vector<int64_t>{30'000});
  EXPECT_EQ(troubles.at(0), "writing the advert of node n1: not now");
  writer.want({{"a", "2"}});  // meanwhile it says something else
  client.refusal = {};
  client.fire();
  EXPECT_EQ(client.requests.back(), patch(R"("overlay.gantry.dev/a":"2")"));
  client.fire();
  EXPECT_TRUE(client.waiting().empty());
}

TEST_F(AdvertWriterTest, WhoeverElseWritesItIsAnsweredOnceASecond) {
  writer.want({{"a", "1"}});
  for (uint64_t version = 1; version < 10; ++version) writer.seen({{"a", "other"}}, version);
  EXPECT_EQ(client.requests.size(), 1u);
  EXPECT_EQ(client.waiting(), std::vector<int64_t>{1'000});
  client.fire();
  EXPECT_EQ(client.requests.size(), 2u);
}

TEST_F(AdvertWriterTest, ANodeMadeAnewIsWrittenAnew) {
  writer.want({{"a", "1"}});
  writer.seen({}, 7);
  writer.seen({{"a", "1"}}, 8);
  client.fire();
  writer.lost();
  EXPECT_EQ(client.requests.size(), 1u);
  writer.seen({}, 3);  // its versions may begin anew, too
  EXPECT_EQ(client.requests.size(), 2u);
}

TEST_F(AdvertWriterTest, NothingIsWantedBeforeSomebodySaysSo) {
  writer.seen({{"vni", "7"}}, 1);
  EXPECT_TRUE(client.requests.empty());
  writer.want({});
  EXPECT_EQ(client.requests, std::vector{patch(R"("overlay.gantry.dev/vni":null)")});
}

}  // namespace
}  // namespace gantry::network
