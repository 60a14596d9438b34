// The wrapper against a host that has one other plugin: each call is one use of it, left again, and lasts as long as it
// must.
#include "slow_runtime.hpp"

#include <gtest/gtest.h>

#include "gantry/testkit/scripted_host.hpp"

namespace {

using gantry::Buffer;

// The other plugin, and the host's table that leads to it.
struct Other {
  static inline int entered = 0, left = 0, lasting = 0, generation = 1;
  static inline gantry_exec_exit exited = nullptr;
  static inline void* exit_context = nullptr;
  static inline uint64_t cancelled = 0;

  static gantry_code enter(const gantry_host*, gantry_slice plugin, gantry_slice id, int32_t lasts,
                           gantry_plugin_use* use, gantry_buffer* error) {
    if (gantry::to_view(plugin) != "other" || gantry::to_view(id) != GANTRY_RUNTIME_ID) {
      return gantry::fail(gantry::Status::not_found("no such plugin"), error);
    }
    static gantry_runtime table{};
    table.size = sizeof table;
    table.version = [](void*, gantry_slice request, gantry_buffer* response, gantry_buffer*) -> gantry_code {
      gantry::fill_buffer(response, "answer to " + std::string(gantry::to_view(request)));
      return 0;
    };
    table.stop_container = table.version;
    table.exec = [](void*, gantry_slice, int32_t, int32_t, int32_t, gantry_exec_exit told, void* context,
                    uint64_t* made, gantry_buffer*) -> gantry_code {
      exited = told;
      exit_context = context;
      *made = 77;
      return 0;
    };
    table.exec_cancel = [](void*, uint64_t which) { cancelled = which; };
    ++entered;
    lasting += lasts;
    use->table = &table;
    use->instance = &table;
    use->generation = static_cast<uint64_t>(generation);
    use->pin = &table;
    return 0;
  }
  static void leave(const gantry_host*, gantry_plugin_use* use) {
    ++left;
    use->pin = nullptr;
  }
  static constexpr gantry_plugins kTable = {sizeof(gantry_plugins), &enter, &leave};
};

struct SlowRuntime : ::testing::Test {
  SlowRuntime() {
    Other::entered = Other::left = Other::lasting = 0;
    host.interfaces[GANTRY_PLUGINS_ID] = &Other::kTable;
    host.config["runtime"] = std::string("other");
    host.config["delay_ms"] = int64_t{20};
  }
  void make() {
    auto made = slow::Runtime::create(gantry::sdk::Host(&host.host));
    ASSERT_TRUE(made.ok()) << made.error().message();
    runtime = std::move(*made);
    table = static_cast<const gantry_runtime*>(runtime->get_interface(GANTRY_RUNTIME_ID));
    ASSERT_NE(table, nullptr);
  }
  gantry::testkit::ScriptedHost host;
  std::unique_ptr<slow::Runtime> runtime;
  const gantry_runtime* table = nullptr;
  Buffer response, error;
};

TEST_F(SlowRuntime, ForwardsAndIsSlow) {
  make();
  const auto begin = std::chrono::steady_clock::now();
  ASSERT_EQ(table->version(runtime.get(), gantry::to_slice("x"), response.out(), error.out()), 0);
  EXPECT_EQ(response.view(), "answer to x");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(20));
  EXPECT_EQ(Other::entered, 1);
  EXPECT_EQ(Other::left, 1);
  EXPECT_EQ(Other::lasting, 0);
}

TEST_F(SlowRuntime, WhatTakesItsTimeDoesNotHoldAReloadUp) {
  make();
  ASSERT_EQ(table->stop_container(runtime.get(), gantry::to_slice("x"), response.out(), error.out()), 0);
  EXPECT_EQ(Other::lasting, 1);
}

TEST_F(SlowRuntime, WhatTheOtherLacksIsSaid) {
  make();
  EXPECT_EQ(table->pull_image(runtime.get(), gantry::to_slice("x"), response.out(), error.out()), 501);
  EXPECT_EQ(Other::left, 1);
}

TEST_F(SlowRuntime, AnExecStaysWithTheInstanceThatBeganIt) {
  make();
  uint64_t id = 0;
  int code = -1;
  const auto exited = [](void* context, gantry_code, int32_t exit, gantry_slice) {
    *static_cast<int*>(context) = exit;
  };
  ASSERT_EQ(table->exec(runtime.get(), gantry::to_slice("x"), -1, -1, -1, exited, &code, &id, error.out()), 0);
  EXPECT_EQ(Other::left, 0);
  table->exec_cancel(runtime.get(), id);
  EXPECT_EQ(Other::cancelled, 77u);
  Other::exited(Other::exit_context, 0, 137, {});
  EXPECT_EQ(code, 137);
  EXPECT_EQ(Other::left, 1);
  Other::cancelled = 0;
  table->exec_cancel(runtime.get(), id);
  EXPECT_EQ(Other::cancelled, 0u) << "it has ended";
}

TEST_F(SlowRuntime, AWrongConfigurationIsRefused) {
  host.config["delay_ms"] = int64_t{-1};
  EXPECT_FALSE(slow::Runtime::create(gantry::sdk::Host(&host.host)).ok());
  host.config["delay_ms"] = int64_t{0};
  host.interfaces.clear();
  EXPECT_FALSE(slow::Runtime::create(gantry::sdk::Host(&host.host)).ok());
}

TEST_F(SlowRuntime, AMissingPluginIsASentence) {
  host.config["runtime"] = std::string("absent");
  make();
  EXPECT_EQ(table->version(runtime.get(), gantry::to_slice("x"), response.out(), error.out()), 404);
}

}  // namespace
