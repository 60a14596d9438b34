// gantry.network/1, gantry.overlay/1, gantry.runtime/1 and gantry.reload/1 across the processes, descriptors included.
#include <fcntl.h>

#include "core/isolation/fd.hpp"
#include "core/isolation/testing_fixture.hpp"
#include "gantry/abi/draft/overlay.h"

namespace gantry::isolation {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    out = Fd(ends[0]);
    in = Fd(ends[1]);
  }
  void fill(std::string_view text) {
    EXPECT_EQ(::write(in.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
    in.reset();
  }
  std::string drain() const {
    std::string text;
    char block[256];
    ssize_t got;
    while ((got = ::read(out.get(), block, sizeof block)) > 0) text.append(block, static_cast<size_t>(got));
    return text;
  }
  Fd out, in;
};

class VerbsTest : public IsolationTest {
 protected:
  struct Ended {
    gantry_code code;
    int32_t exit_code;
    std::string error;
  };
  void SetUp() override {
    IsolationTest::SetUp();
    ASSERT_NO_FATAL_FAILURE(start("verbs"));
  }
  const gantry_runtime& runtime() { return table<gantry_runtime>(GANTRY_RUNTIME_ID); }
  template <typename Verb>
  std::string ask(Verb verb, std::string_view request) {
    Buffer response, error;
    const auto code = verb(instance_, to_slice(request), response.out(), error.out());
    return code == 0 ? std::string(response.view()) : status_of(code, error.view()).message();
  }
  gantry_code exec(std::string_view what, Fd in, Fd out) {
    Buffer error;
    const auto exited = [](void* context, gantry_code code, int32_t exit_code, gantry_slice problem) {
      static_cast<std::promise<Ended>*>(context)->set_value({code, exit_code, std::string(to_view(problem))});
    };
    return runtime().exec(instance_, to_slice(what), in.release(), out.release(), -1, exited, &ended_, &id_,
                          error.out());
  }
  std::promise<Ended> ended_;
  uint64_t id_ = 0;
};

TEST_F(VerbsTest, Network) {
  const auto& network = table<gantry_network>(GANTRY_NETWORK_ID);
  EXPECT_EQ(ask(network.set_node, "x"), "a:x");
  EXPECT_EQ(ask(network.add, std::string(3'000'000, 'y')), "c:" + std::string(3'000'000, 'y'));
  EXPECT_EQ(ask(network.gc, ""), "f:");
  EXPECT_EQ(ask(network.del, "fail"), "verb d");
  EXPECT_EQ(network.check, nullptr);
}

TEST_F(VerbsTest, Overlay) {
  const auto& overlay = table<gantry_overlay>(GANTRY_OVERLAY_ID);
  EXPECT_EQ(ask(overlay.set_node, "x"), "n:x");
  EXPECT_EQ(ask(overlay.set_nodes, std::string(3'000'000, 'y')), "o:" + std::string(3'000'000, 'y'));
  EXPECT_EQ(ask(overlay.set_nodes, "fail"), "verb o");
}

TEST_F(VerbsTest, RuntimeVerbs) {
  EXPECT_EQ(ask(runtime().version, "1"), "v:1");
  EXPECT_EQ(ask(runtime().pull_image, "2"), "p:2");
  EXPECT_EQ(ask(runtime().list_container_stats, "3"), "s:3");
  EXPECT_EQ(ask(runtime().signal_container, "4"), "k:4");
  EXPECT_EQ(ask(runtime().signal_container, "fail"), "verb k");
  EXPECT_EQ(runtime().exec_sync, nullptr);
}

TEST_F(VerbsTest, ImportReadsTheCallersDescriptor) {
  Pipe archive;
  archive.fill("layers");
  Buffer response, error;
  ASSERT_EQ(runtime().import_image(instance_, archive.out.get(), to_slice("name"), response.out(), error.out()), 0);
  EXPECT_EQ(response.view(), "name=layers");
  EXPECT_GE(::fcntl(archive.out.get(), F_GETFD), 0) << "not the runtime's to close";
}

TEST_F(VerbsTest, ExecWithDescriptors) {
  Pipe in, out;
  in.fill("hello");
  ASSERT_EQ(exec("cat", std::move(in.out), std::move(out.in)), 0);
  EXPECT_EQ(out.drain(), "hello");
  EXPECT_EQ(ended_.get_future().get().exit_code, 7);
  EXPECT_EQ(id_, 41u);
}

TEST_F(VerbsTest, RefusedExecIsNotToldOf) { EXPECT_EQ(exec("refuse", Fd(), Fd()), 404); }

TEST_F(VerbsTest, ExecIsResizedAndCancelled) {
  ASSERT_EQ(exec("wait", Fd(), Fd()), 0);
  runtime().exec_resize(instance_, id_, 80, 25);
  const auto& reload = table<gantry_reload>(GANTRY_RELOAD_ID);
  Buffer state;
  ASSERT_EQ(reload.save(instance_, state.out(), nullptr), 0);
  EXPECT_EQ(state.view(), "41:80x25");
  runtime().exec_cancel(instance_, id_);
  EXPECT_EQ(ended_.get_future().get().exit_code, 137);
}

TEST_F(VerbsTest, ExecsEndWithTheProcess) {
  ASSERT_EQ(exec("wait", Fd(), Fd()), 0);
  EXPECT_EQ(ask(runtime().status, ""), "plugin verbs: its process has ended: exited with status 9");
  const auto ended = ended_.get_future().get();
  EXPECT_EQ(ended.code, 503);
  EXPECT_EQ(status_of(503, ended.error).message(), "plugin verbs: its process has ended: exited with status 9");
}

TEST_F(VerbsTest, EventsReachTheSink) {
  std::string told;
  runtime().set_event_sink(
      instance_,
      [](void* context, gantry_slice sandbox, gantry_slice container) {
        *static_cast<std::string*>(context) = std::string(to_view(sandbox)) + "/" + std::string(to_view(container));
      },
      &told);
  EXPECT_EQ(told, "sandbox/container");
  runtime().set_event_sink(instance_, nullptr, nullptr);
}

TEST_F(VerbsTest, StateIsSavedAndRestored) {
  const auto& reload = table<gantry_reload>(GANTRY_RELOAD_ID);
  const std::string large(16 * 1024 * 1024, 's');
  Buffer state, error;
  ASSERT_EQ(reload.restore(instance_, to_slice(large), error.out()), 0);
  ASSERT_EQ(reload.save(instance_, state.out(), error.out()), 0);
  EXPECT_TRUE(state.view() == large);
  EXPECT_EQ(reload.restore(instance_, to_slice("bad"), error.out()), 422);
  EXPECT_EQ(status_of(422, error.view()).message(), "a state of the future");
}

}  // namespace
}  // namespace gantry::isolation
