// A disk that is really full: whatever the objects' size, they can go, and their place is used again.
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "core/store/store_test.hpp"

namespace gantry::store {
namespace {

struct Load {
  const char* disk;
  size_t object;
  int writers;
};

std::ostream& operator<<(std::ostream& out, const Load& load) {
  return out << load.writers << " writers of " << load.object << " bytes on a disk of " << load.disk;
}

class FilledDiskTest : public StoreTest, public testing::WithParamInterface<Load> {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (::mount("gantry-test", folder_.c_str(), "tmpfs", 0, ("size=" + std::string(GetParam().disk)).c_str()) != 0) {
      GTEST_SKIP() << "a disk of its own takes root's rights";
    }
    mounted_ = true;
    options_.probe_interval = std::chrono::milliseconds(20);
  }
  void TearDown() override {
    store_.reset();
    if (mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    StoreTest::TearDown();
  }

  // By all writers at once, each until it is refused. How many went through.
  int fill(const std::string& prefix) {
    std::atomic<int> made = 0;
    std::vector<std::thread> writers;
    for (int writer = 0; writer < GetParam().writers; ++writer) {
      writers.emplace_back([&, writer] {
        const std::string own = prefix + std::to_string(writer) + "-";
        for (int i = 0; create(own + std::to_string(i), std::string(GetParam().object, 'o')).ok(); ++i) ++made;
      });
    }
    for (auto& writer : writers) writer.join();
    return made;
  }
  std::vector<std::string> all_keys() const {
    std::vector<std::string> keys;
    const auto all = store_->list("/g/", 0, "", 0);
    if (!all.ok()) return keys;
    for (const auto& entry : all->entries) keys.push_back(entry->key);
    return keys;
  }
  // The first that could not go, and why.
  std::string empty_to(size_t left) {
    const auto keys = all_keys();
    for (size_t i = 0; i + left < keys.size(); ++i) {
      if (const auto gone = remove(keys[i]); !gone.ok()) return keys[i] + ": " + gone.error().message();
    }
    return "";
  }

  bool mounted_ = false;
};

TEST_P(FilledDiskTest, EveryObjectCanGoAndMakesRoom) {
  open();
  const int first = fill("/g/r/a/");
  ASSERT_GT(first, 0);
  for (int round = 0; round < testing_support::scaled(4, 1); ++round) {
    ASSERT_EQ(empty_to(0), "") << "round " << round;
    const int again = fill("/g/r/b/");
    EXPECT_GT(again, first / 2) << "round " << round;
    EXPECT_GT(std::filesystem::file_size(beside(".ballast")), 0u);
  }
  ASSERT_EQ(empty_to(1), "");
  const auto last = all_keys();
  open();
  EXPECT_EQ(all_keys(), last) << "what is gone is gone for good";
}

TEST_P(FilledDiskTest, AlsoAfterAKill) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    open();
    const int made = fill("/g/r/a/");
    if (empty_to(static_cast<size_t>(made) * 2 / 3).empty()) ::kill(::getpid(), SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "an object could not go";
  ASSERT_NO_FATAL_FAILURE(open());
  ASSERT_FALSE(all_keys().empty());
  fill("/g/r/b/");
  EXPECT_EQ(empty_to(0), "");
  EXPECT_GT(fill("/g/r/c/"), 0);
}

TEST_F(StoreTest, NothingWaitsForAPipesOtherEnd) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal", ".lock", ".ballast"}) {
    ASSERT_EQ(::mkfifo(beside(suffix).c_str(), 0600), 0);
    EXPECT_EQ(refusal(), beside(suffix).string() + ": is not a regular file");
    std::filesystem::remove(beside(suffix));
  }
  open();
}

INSTANTIATE_TEST_SUITE_P(Loads, FilledDiskTest,
                         testing::Values(Load{"12m", 200'000, 1}, Load{"12m", 1'000'000, 1}, Load{"12m", 3'000, 4},
                                         Load{"12m", 20'000, 2}, Load{"3m", 200, 1}, Load{"60m", 100'000, 4},
                                         Load{"60m", 1'500'000, 3}));

}  // namespace
}  // namespace gantry::store
