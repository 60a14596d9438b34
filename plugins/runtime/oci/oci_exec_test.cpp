// Commands in running containers: collected, streamed, at a terminal, cancelled. Run as root.
#include <array>
#include <iterator>

#include "oci_fixture.hpp"

namespace gantry::oci::test {
namespace {

// A streaming exec with pipes for all that the host would connect.
struct Streams {
  Fd in, out, err;  // our ends
  std::mutex mutex;
  std::condition_variable changed;
  int calls = 0;
  gantry_code code = 0;
  int32_t exit_code = -1;
  std::string error;
  uint64_t id = 0;

  static void exited(void* self, gantry_code code, int32_t exit_code, gantry_slice error) {
    auto& streams = *static_cast<Streams*>(self);
    const std::scoped_lock lock(streams.mutex);
    streams.calls++;
    streams.code = code;
    streams.exit_code = exit_code;
    streams.error = status_of(code, to_view(error)).message();
    streams.changed.notify_all();
  }
  bool wait() {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 20s, [&] { return calls > 0; });
  }
  static std::string read_all(const Fd& fd) {
    std::string text;
    char chunk[4096];
    for (ssize_t n = 0; (n = ::read(fd.get(), chunk, sizeof chunk)) > 0;) text.append(chunk, static_cast<size_t>(n));
    return text;
  }
  // Until the text has come, or 20 s have passed.
  std::string read_until(const std::string& wanted) {
    std::string text;
    while (text.find(wanted) == std::string::npos) {
      pollfd wait_for{out.get(), POLLIN, 0};
      if (::poll(&wait_for, 1, 20000) <= 0) return text;
      char chunk[4096];
      const auto n = ::read(out.get(), chunk, sizeof chunk);
      if (n <= 0) return text;
      text.append(chunk, static_cast<size_t>(n));
    }
    return text;
  }
};

class ExecTest : public OciTest {
 protected:
  std::string container() { return run(run_sandbox(pod()), shell("sleep 1000")); }
  gantry_code stream(Streams& streams, const std::string& id, const std::vector<std::string>& command, bool tty,
                     bool with_input = true) {
    cri::ExecRequest request;
    request.set_container_id(id);
    for (const auto& word : command) request.add_cmd(word);
    request.set_tty(tty);
    int in[2] = {-1, -1}, out[2], err[2] = {-1, -1};
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    EXPECT_TRUE(!with_input || ::pipe2(in, O_CLOEXEC) == 0);
    EXPECT_TRUE(tty || ::pipe2(err, O_CLOEXEC) == 0);
    streams.in = Fd(in[1]);
    streams.out = Fd(out[0]);
    streams.err = Fd(err[0]);
    Buffer error;
    const auto code = table_->exec(runtime_.get(), to_slice(request.SerializeAsString()), in[0], out[1], err[1],
                                   &Streams::exited, &streams, &streams.id, error.out());
    if (code != 0) streams.error = status_of(code, error.view()).message();
    return code;
  }
};

TEST_F(ExecTest, CollectsOutputAndExitCode) {
  const auto id = container();
  const auto out = exec(id, "echo out; echo err >&2; exit 5");
  ASSERT_TRUE(out.ok()) << out.error().message();
  EXPECT_EQ(out->stdout(), "out\n");
  EXPECT_EQ(out->stderr(), "err\n");
  EXPECT_EQ(out->exit_code(), 5);
  EXPECT_EQ(exec(id, "kill -9 $$")->exit_code(), 137);
  EXPECT_EQ(exec(id, "head -c 100000 /dev/zero")->stdout().size(), 16u * 1024);
}

TEST_F(ExecTest, ATimeoutKillsTheCommand) {
  const auto id = container();
  const auto before = std::chrono::steady_clock::now();
  const auto out = exec(id, "exec sleep 777", 1);
  EXPECT_LT(std::chrono::steady_clock::now() - before, 10s);
  ASSERT_FALSE(out.ok());
  EXPECT_EQ(out.error().code(), 504);
  EXPECT_TRUE(eventually([&] { return exec_out(id, "ps").find("sleep 777") == std::string::npos; }));
}

TEST_F(ExecTest, SaysWhyACommandCannotRun) {
  const auto id = container();
  cri::ExecSyncRequest request;
  request.set_container_id(id);
  request.add_cmd("nosuchprogram");
  const auto out = call<cri::ExecSyncResponse>(table_->exec_sync, request);
  ASSERT_FALSE(out.ok());
  EXPECT_NE(out.error().message().find("executable file not found"), std::string::npos) << out.error().message();
  EXPECT_EQ(exec("nosuchcontainer", "true").error().code(), 404);
  stop_container(id, 0);
  EXPECT_EQ(exec(id, "true").error().code(), 409);
}

TEST_F(ExecTest, StreamsInputAndOutput) {
  const auto id = container();
  Streams streams;
  ASSERT_EQ(stream(streams, id, {"/bin/sh", "-c", "cat; echo done >&2; exit 4"}, false), 0) << streams.error;
  const std::string big(300000, 'x');
  std::thread writer([&] {
    for (size_t done = 0; done < big.size();)
      done += static_cast<size_t>(::write(streams.in.get(), big.data() + done, big.size() - done));
    streams.in.reset();
  });
  EXPECT_EQ(Streams::read_all(streams.out), big);
  writer.join();
  EXPECT_EQ(Streams::read_all(streams.err), "done\n");
  ASSERT_TRUE(streams.wait());
  EXPECT_EQ(streams.code, 0) << streams.error;
  EXPECT_EQ(streams.exit_code, 4);
}

TEST_F(ExecTest, ATerminalHasASizeAndASignal) {
  const auto id = container();
  Streams streams;
  ASSERT_EQ(stream(streams, id, {"/bin/sh"}, true), 0) << streams.error;
  const auto say = [&](const std::string& text) {
    EXPECT_EQ(::write(streams.in.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  };
  say("test -t 0 && echo is a terminal\n");
  EXPECT_NE(streams.read_until("\nis a terminal").find("is a terminal"), std::string::npos);
  table_->exec_resize(runtime_.get(), streams.id, 123, 45);
  // The size travels through a signal: asked until it has come.
  std::string seen;
  EXPECT_TRUE(eventually([&] {
    say("stty size; echo e''nd\n");
    seen = streams.read_until("end\r\n");
    return seen.find("45 123") != std::string::npos;
  })) << seen;
  say("sh -c 'echo run''ning; exec sleep 1000'\n");
  streams.read_until("\nrunning");
  say("\x03");
  say("echo still $((20 + 3)) here\n");
  EXPECT_NE(streams.read_until("still 23 here").find("still 23 here"), std::string::npos);
  say("exit 9\n");
  ASSERT_TRUE(streams.wait());
  EXPECT_EQ(streams.exit_code, 9);
  Streams::read_all(streams.out);
  EXPECT_EQ(streams.calls, 1);
}

TEST_F(ExecTest, ATerminalsOutputIsWhole) {
  const auto id = container();
  Streams streams;
  ASSERT_EQ(stream(streams, id, {"/bin/sh", "-c", "head -c 200000 /dev/zero | tr '\\0' y; echo; echo last"}, true), 0);
  const auto text = Streams::read_all(streams.out);
  EXPECT_GE(text.size(), 200000u);
  EXPECT_NE(text.find("last\r\n"), std::string::npos);
  ASSERT_TRUE(streams.wait());
  EXPECT_EQ(streams.exit_code, 0);
}

TEST_F(ExecTest, CancelKills) {
  const auto id = container();
  for (const bool tty : {false, true}) {
    Streams streams;
    ASSERT_EQ(stream(streams, id, {"/bin/sh", "-c", "echo go; exec sleep 888"}, tty), 0);
    streams.read_until("go");
    table_->exec_cancel(runtime_.get(), streams.id);
    ASSERT_TRUE(streams.wait());
    EXPECT_EQ(streams.exit_code, 137);
    EXPECT_TRUE(eventually([&] { return exec_out(id, "ps").find("sleep 888") == std::string::npos; }));
    table_->exec_cancel(runtime_.get(), streams.id);
  }
}

TEST_F(ExecTest, CancelAtOnceLeavesNoCommand) {
  const auto id = container();
  for (int i = 0; i < 5; i++) {
    Streams streams;
    ASSERT_EQ(stream(streams, id, {"/bin/sleep", "666"}, i % 2 == 0), 0);
    table_->exec_cancel(runtime_.get(), streams.id);
    ASSERT_TRUE(streams.wait());
    EXPECT_TRUE(eventually([&] { return exec_out(id, "ps").find("sleep 666") == std::string::npos; }));
  }
}

TEST_F(ExecTest, AFailedStreamSaysWhy) {
  const auto id = container();
  Streams streams;
  ASSERT_EQ(stream(streams, id, {"nosuchprogram"}, false, false), 0);
  ASSERT_TRUE(streams.wait());
  EXPECT_EQ(streams.code, 500);
  EXPECT_NE(streams.error.find("executable file not found"), std::string::npos) << streams.error;
  Streams none;
  EXPECT_EQ(stream(none, "nosuchcontainer", {"true"}, false), 404);
  EXPECT_EQ(none.calls, 0);
}

TEST_F(ExecTest, EndsWithTheInstance) {
  const auto id = container();
  Streams streams;
  ASSERT_EQ(stream(streams, id, {"/bin/sh", "-c", "echo go; exec sleep 999"}, true), 0);
  streams.read_until("go");
  restart();
  EXPECT_EQ(streams.calls, 1);
  EXPECT_EQ(container_status(id).state(), cri::CONTAINER_RUNNING);
  EXPECT_TRUE(eventually([&] { return exec_out(id, "ps").find("sleep 999") == std::string::npos; }));
}

TEST_F(ExecTest, WaitingCommandsHoldNoThread) {
  const auto id = container();
  const auto threads = [] {
    return std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator());
  };
  std::array<Streams, 10> streams;
  std::ptrdiff_t with_one = 0;
  for (auto& one : streams) {
    ASSERT_EQ(stream(one, id, {"/bin/sh", "-c", "echo go; exec sleep 555"}, &one - streams.data() < 5), 0);
    one.read_until("go");
    if (with_one == 0) with_one = threads();
  }
  EXPECT_EQ(threads(), with_one);
  for (const auto& one : streams) table_->exec_cancel(runtime_.get(), one.id);
  for (auto& one : streams) EXPECT_TRUE(one.wait());
}

TEST_F(ExecTest, AReaderThatGoesDoesNoHarm) {
  const auto id = container();
  Streams streams;
  ASSERT_EQ(stream(streams, id, {"/bin/sh", "-c", "echo go; head -c 100000 /dev/zero; exit 6"}, true), 0);
  streams.read_until("go");
  streams.out.reset();
  ASSERT_TRUE(streams.wait());
  EXPECT_EQ(streams.exit_code, 6);
}

}  // namespace
}  // namespace gantry::oci::test
