// Logs from real files into real pipes.
#include "core/node/logs/log_reader.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "core/files/unique_fd.hpp"
#include "core/node/logs/log_line.hpp"
#include "core/node/logs/log_pump.hpp"

namespace gantry::node {
namespace {

namespace fs = std::filesystem;

std::string line(int second, const std::string& text, char tag = 'F') {
  char time[64];
  std::snprintf(time, sizeof time, "2024-05-01T10:00:%02d.5+00:00 stdout %c ", second, tag);
  return time + text + "\n";
}

struct LogReaderTest : ::testing::Test {
  LogReaderTest() {
    char name[] = "/tmp/gantry-log-XXXXXX";
    dir = ::mkdtemp(name);
    path = dir / "0.log";
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    in.reset(ends[0]);
    out.reset(ends[1]);
  }
  ~LogReaderTest() override { fs::remove_all(dir); }
  void write(const std::string& text) { std::ofstream(path, std::ios::app) << text; }
  void start() {
    auto reader = std::make_unique<LogReader>(path.string(), options, std::move(out), [this] {
      ++asked;
      return running.load();
    });
    status = reader->open();
    if (status.ok()) status = pump.add(std::move(reader));
  }
  std::string all() {
    start();
    return rest();
  }
  std::string rest() {
    std::string text;
    char block[65536];
    for (ssize_t n = 0; (n = ::read(in.get(), block, sizeof block)) > 0;) text.append(block, static_cast<size_t>(n));
    return text;
  }
  // It asks before it reads: whoever asks again has read what was there when it asked first.
  bool asked_again(int before) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (asked < before + 2 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return asked >= before + 2;
  }
  bool all_gone() {
    for (int i = 0; i < 2000 && pump.size() > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return pump.size() == 0;
  }
  std::string next(size_t bytes) {
    std::string text(bytes, '\0');
    size_t have = 0;
    while (have < bytes) {
      pollfd wait{in.get(), POLLIN, 0};
      if (::poll(&wait, 1, 10'000) <= 0) break;
      const ssize_t n = ::read(in.get(), text.data() + have, bytes - have);
      if (n <= 0) break;
      have += static_cast<size_t>(n);
    }
    text.resize(have);
    return text;
  }

  std::atomic<int> asked = 0;  // whether it runs
  fs::path dir, path;
  io::UniqueFd in, out;
  client::LogOptions options;
  std::atomic<bool> running{true};
  Status status;
  LogPump pump{3};
};

TEST(LogLine, TakesApartWhatIsALine) {
  LogLine out;
  ASSERT_TRUE(parse_log_line("T stdout F a b", out));
  EXPECT_EQ(out.text, "a b");
  EXPECT_FALSE(out.partial);
  ASSERT_TRUE(parse_log_line("T stderr P:x ", out));
  EXPECT_TRUE(out.partial);
  EXPECT_EQ(out.text, "");
  ASSERT_TRUE(parse_log_line("T stdout F", out));
  for (const char* bad : {"", "T", "T stdout", "T stdin F x", "T stdout X x", " stdout F x", "\x01\x02"}) {
    EXPECT_FALSE(parse_log_line(bad, out)) << bad;
  }
}

TEST(LogLine, WritesTimesWithNineDigits) {
  EXPECT_EQ(fixed_time("2024-05-01T10:00:00.5+00:00"), "2024-05-01T10:00:00.500000000Z");
  EXPECT_EQ(fixed_time("2024-05-01T10:00:00Z"), "2024-05-01T10:00:00.000000000Z");
  EXPECT_EQ(fixed_time("2024-05-01T10:00:00.123456789+02:00"), "2024-05-01T10:00:00.123456789+02:00");
  EXPECT_EQ(fixed_time("odd"), "odd");
}

TEST_F(LogReaderTest, JoinsPiecesAndKeepsEmptyLines) {
  write(line(1, "be", 'P') + line(1, "gin") + line(2, "") + "rubbish\n" + line(3, "end"));
  EXPECT_EQ(all(), "begin\n\nend\n");
  EXPECT_TRUE(status.ok());
}

TEST_F(LogReaderTest, TimestampsStandOncePerLine) {
  options.timestamps = true;
  write(line(1, "be", 'P') + line(2, "gin") + line(3, "x"));
  EXPECT_EQ(all(), "2024-05-01T10:00:01.500000000Z begin\n2024-05-01T10:00:03.500000000Z x\n");
}

TEST_F(LogReaderTest, TailCountsWholeLines) {
  const std::string text = line(1, "one") + line(2, "tw", 'P') + line(2, "o", 'P') + line(2, "!") + line(3, "three");
  const std::pair<int, const char*> cases[] = {
      {0, ""}, {1, "three\n"}, {2, "two!\nthree\n"}, {3, "one\ntwo!\nthree\n"}, {99, "one\ntwo!\nthree\n"}};
  write(text);
  for (const auto& [lines, expected] : cases) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    in.reset(ends[0]);
    out.reset(ends[1]);
    options.tail_lines = lines;
    EXPECT_EQ(all(), expected) << lines;
  }
}

TEST_F(LogReaderTest, TailOfALargeFileReadsItsEndOnly) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += line(i % 60, "number ", 'P') + line(i % 60, std::to_string(i));
  write(text);
  // Some of so many begin in one block and end in the next.
  options.tail_lines = 150'000;
  const auto got = all();
  EXPECT_TRUE(got.starts_with("number 50000\n")) << got.substr(0, 20);
  EXPECT_TRUE(got.ends_with("number 199999\n"));
}

TEST_F(LogReaderTest, ATornLastLineIsShownAndCounts) {
  write(line(1, "one") + line(2, "two").substr(0, 39));
  options.tail_lines = 1;
  EXPECT_EQ(all(), "tw\n");
}

TEST_F(LogReaderTest, ALastLineWithoutItsEndCounts) {
  write(line(1, "one") + line(2, "tw", 'P'));
  options.tail_lines = 1;
  EXPECT_EQ(all(), "tw");
}

TEST_F(LogReaderTest, SinceAndLimit) {
  write(line(1, "one") + line(2, "two") + line(3, "three"));
  options.since_unix_ns = 1714557602'000000000;  // 10:00:02
  options.limit_bytes = 6;
  EXPECT_EQ(all(), "two\nth");
}

TEST_F(LogReaderTest, AMissingFileIsAnError) {
  EXPECT_EQ(all(), "");
  EXPECT_EQ(status.code(), 404);
}

TEST_F(LogReaderTest, FollowsUntilTheContainerEnds) {
  write(line(1, "one"));
  options.follow = true;
  start();
  EXPECT_EQ(next(4), "one\n");
  const auto two = line(2, "two");
  write(two.substr(0, 20));
  write(two.substr(20));
  EXPECT_EQ(next(4), "two\n");
  write(line(3, "last"));
  running = false;
  EXPECT_EQ(rest(), "last\n");
}

TEST_F(LogReaderTest, FollowsIntoANewFile) {
  write(line(1, "one"));
  options.follow = true;
  start();
  EXPECT_EQ(next(4), "one\n");
  write(line(2, "old end") + line(2, "torn").substr(0, 40));
  fs::rename(path, dir / "0.log.1");
  write(line(3, "new"));
  EXPECT_EQ(next(16), "old end\ntor\nnew\n");
  // Cut to nothing by somebody: what comes then is new.
  fs::resize_file(path, 0);
  write(line(4, "x"));
  EXPECT_EQ(next(2), "x\n");
  // And so behind half a line, once that has been read.
  write(line(5, "cut").substr(0, 38));
  EXPECT_TRUE(asked_again(asked));
  fs::resize_file(path, 0);
  write(line(6, "y"));
  EXPECT_EQ(next(2), "y\n");
  pump.stop();
  EXPECT_EQ(rest(), "");
}

TEST_F(LogReaderTest, ANewFileThatCannotBeOpenedIsLookedForAgain) {
  write(line(1, "one") + line(2, "torn").substr(0, 40));
  options.follow = true;
  start();
  EXPECT_EQ(next(4), "one\n");
  // A socket can be seen and not be opened.
  const io::UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::snprintf(address.sun_path, sizeof address.sun_path, "%s", (dir / "s").c_str());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  fs::rename(dir / "s", path);
  EXPECT_TRUE(asked_again(asked));
  std::ofstream(dir / "n") << line(3, "new");
  fs::rename(dir / "n", path);
  EXPECT_EQ(next(8), "tor\nnew\n");
  pump.stop();
  EXPECT_EQ(rest(), "");
}

TEST_F(LogReaderTest, EndsWhenTheReaderGoes) {
  write(line(1, "one"));
  options.follow = true;
  start();
  EXPECT_EQ(next(4), "one\n");
  in.reset();
  EXPECT_TRUE(all_gone());
}

TEST_F(LogReaderTest, AReaderThatDoesNotReadCannotKeepUs) {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += line(1, "a line of some length to fill the pipe");
  write(text);
  start();
  EXPECT_EQ(next(2), "a ");
  pump.stop();
  EXPECT_EQ(pump.size(), 0u);
}

TEST_F(LogReaderTest, AReaderThatReadsLateGetsAll) {
  std::string text, wanted;
  for (int i = 0; i < 200'000; ++i) {
    text += line(i % 60, "number " + std::to_string(i));
    wanted += "number " + std::to_string(i) + "\n";
  }
  write(text);
  start();
  pollfd wait{in.get(), POLLIN, 0};
  ASSERT_EQ(::poll(&wait, 1, 10'000), 1);
  EXPECT_TRUE(rest() == wanted);
  EXPECT_TRUE(all_gone());
}

TEST_F(LogReaderTest, LogsBeyondTheBoundAreRefused) {
  write(line(1, "one"));
  options.follow = true;
  std::vector<io::UniqueFd> readers;
  for (int i = 0; i < 3; ++i) {
    start();
    ASSERT_TRUE(status.ok());
    readers.push_back(std::move(in));
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    in.reset(ends[0]);
    out.reset(ends[1]);
  }
  start();
  EXPECT_EQ(status.code(), 429);
  EXPECT_EQ(rest(), "");
  // And one that ends makes room.
  readers.clear();
  EXPECT_TRUE(all_gone());
}

size_t threads_named(const std::string& prefix) {
  size_t found = 0;
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream in(task.path() / "comm");
    std::string name;
    std::getline(in, name);
    found += name.starts_with(prefix) ? 1 : 0;
  }
  return found;
}

TEST(LogPump, FollowedLogsHoldNoThreads) {
  char name[] = "/tmp/gantry-log-XXXXXX";
  const fs::path dir = ::mkdtemp(name);
  constexpr int kMany = 300;
  std::atomic<bool> running{true};
  LogPump pump;
  std::vector<io::UniqueFd> readers;
  client::LogOptions options;
  options.follow = true;
  for (int i = 0; i < kMany; ++i) {
    const auto path = (dir / std::to_string(i)).string();
    std::ofstream(path) << line(1, std::to_string(i));
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    readers.emplace_back(ends[0]);
    auto reader = std::make_unique<LogReader>(path, options, io::UniqueFd(ends[1]), [&] { return running.load(); });
    ASSERT_TRUE(reader->open().ok());
    ASSERT_TRUE(pump.add(std::move(reader)).ok());
  }
  char text[16];
  for (int i = 0; i < kMany; ++i) {
    const auto n = ::read(readers[static_cast<size_t>(i)].get(), text, sizeof text);
    EXPECT_EQ(std::string(text, static_cast<size_t>(n)), std::to_string(i) + "\n");
  }
  EXPECT_EQ(pump.size(), static_cast<size_t>(kMany));
  EXPECT_LE(threads_named("logs"), 9u);
  // Each hears of the end.
  for (int i = 0; i < kMany; ++i) std::ofstream(dir / std::to_string(i), std::ios::app) << line(2, "end");
  for (const auto& reader : readers) EXPECT_EQ(::read(reader.get(), text, sizeof text), 4);
  running = false;
  for (const auto& reader : readers) EXPECT_EQ(::read(reader.get(), text, sizeof text), 0);
  fs::remove_all(dir);
}

}  // namespace
}  // namespace gantry::node
