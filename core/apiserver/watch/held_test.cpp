// What requests keep is paid for: selectors, queries and paths, for as long as they are there.
#include "core/apiserver/test_server.hpp"
#include "core/limits/account.hpp"

namespace gantry::apiserver {
namespace {

class HeldTest : public ServerTest {
 protected:
  Answer pay(const std::string& path, const std::string& method = "GET") {
    auto asked = request(method, path);
    asked.account = account_;
    return ask(std::move(asked));
  }
  static std::string selector(int terms) {
    std::string out = "labelSelector=a!=b";
    for (int i = 0; i < terms; ++i) out += ",a" + std::to_string(i) + "!=v";
    return out;
  }
  // What is left of a request goes with the last who knows it.
  template <typename Condition>
  static bool eventually(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return condition();
  }
  bool eventually_used(size_t bytes) const {
    return eventually([&] { return account_->used() == bytes; });
  }

  std::shared_ptr<limits::Account> all_ = std::make_shared<limits::Account>(8 << 20);
  std::shared_ptr<limits::Account> account_ = std::make_shared<limits::Account>(4 << 20, all_);
};

TEST_F(HeldTest, SelectorsOfWatchesUntilTheyEnd) {
  const std::string path = std::string(kMaps) + "?watch=true&";
  auto first = pay(path + selector(3'000));
  EXPECT_EQ(first.code, 200);
  made(kMaps, config_map("a"));
  ASSERT_TRUE(first.stream->wait_text("\"a\""));
  const size_t one = account_->used();
  EXPECT_GT(one, 3'000 * 64U) << "a term's own size";
  EXPECT_LT(one, 3'000 * 256U) << "what reading it took is given back";
  std::vector<std::shared_ptr<FakeStream>> streams{first.stream};
  int refused = 0;
  for (int i = 0; i < 40 && refused == 0; ++i) {
    auto answer = pay(path + selector(3'000));
    if (answer.code == 200) {
      streams.push_back(answer.stream);
    } else {
      EXPECT_EQ(answer.code, 429) << answer.body;
      ++refused;
    }
  }
  EXPECT_EQ(refused, 1);
  EXPECT_LE(account_->used(), account_->limit());
  auto little = pay(std::string(kMaps) + "?watch=true");
  EXPECT_EQ(little.code, 200) << "there is room for a little";
  streams.push_back(little.stream);
  for (const auto& stream : streams) stream->disconnect();
  EXPECT_TRUE(eventually_used(0)) << account_->used();
}

TEST_F(HeldTest, SelectorsOfListsAndDeletions) {
  for (const char* method : {"GET", "DELETE"}) {
    EXPECT_EQ(pay(std::string(kMaps) + "?" + selector(3'000), method).code, 200);
    EXPECT_TRUE(eventually_used(0)) << account_->used();
    EXPECT_GT(account_->peak(), 3'000 * 64U);
    const auto never = pay(std::string(kMaps) + "?" + selector(20'000), method);
    EXPECT_EQ(never.code, 413) << never.body;
    EXPECT_EQ(never.text({"reason"}), "RequestEntityTooLarge");
    std::string fields = "?fieldSelector=metadata.name!=a";
    for (int i = 0; i < 20'000; ++i) fields += ",metadata.name!=a";
    EXPECT_EQ(pay(kMaps + fields, method).code, 413);
    EXPECT_TRUE(eventually_used(0)) << account_->used();
  }
  ASSERT_TRUE(all_->take(7 << 20));
  EXPECT_EQ(pay(std::string(kMaps) + "?" + selector(6'000)).code, 429) << "others hold it";
  all_->give(7 << 20);
}

TEST_F(HeldTest, NamesAndParameters) {
  const std::string name(100'000, 'n');
  auto watch =
      pay("/api/v1/namespaces/" + name + "/configmaps?watch=true&includeObject=" + name + "&x=" + name + name + name);
  EXPECT_EQ(watch.code, 200);
  EXPECT_TRUE(eventually([&] { return account_->used() < 5 * name.size(); })) << "the query is let go";
  EXPECT_GE(account_->used(), 3 * name.size()) << "the namespace, in the keys, is not";
  watch.stream->disconnect();
  EXPECT_TRUE(eventually_used(0)) << account_->used();
  std::string many = std::string(kMaps) + "?a";
  for (size_t i = 1; i < 10'000; ++i) many += "&a";
  EXPECT_EQ(pay(many).code, 200);
  EXPECT_EQ(pay(many + "&a").code, 400);
}

}  // namespace
}  // namespace gantry::apiserver
