// What a call into a plugin costs: an empty reconcile through the ABI table beside a virtual call, and through a
// process of its own.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/isolation/isolated_library.hpp"
#include "core/isolation/testing_host.hpp"
#include "gantry/abi/controller.h"

namespace {

namespace fs = std::filesystem;
using gantry::to_slice;

// The plugin with its instance, in this process or its own.
class Loaded {
 public:
  explicit Loaded(bool isolated) {
    const auto copy = fs::temp_directory_path() / ("gantry-bench-" + std::to_string(::getpid()) + ".so");
    const fs::path plugin = BENCH_PLUGIN;
    if (isolated) {
      fs::copy_file(plugin, copy, fs::copy_options::overwrite_existing);
      gantry::isolation::IsolationOptions options;
      options.name = "bench";
      options.copy = copy;
      options.host = BENCH_PLUGIN_HOST;
      keep(gantry::isolation::open_isolated(std::move(options)));
    } else {
      keep(gantry::plugin::LoadedLibrary::open(plugin, copy, {}));
    }
    if (library_->api().create(&host_.host, &instance, nullptr) != 0) std::abort();
    controller = static_cast<const gantry_controller*>(library_->api().get_interface(instance, GANTRY_CONTROLLER_ID));
  }
  ~Loaded() { library_->api().destroy(instance); }

  void reconcile(const char* name, const char* ns) {
    gantry::Buffer result, error;
    if (controller->reconcile(instance, to_slice(ns), to_slice(name), result.out(), error.out()) != 0) std::abort();
  }

  const gantry_controller* controller = nullptr;
  void* instance = nullptr;

 private:
  void keep(gantry::Expected<std::unique_ptr<gantry::plugin::LoadedLibrary>> library) {
    if (!library) {
      std::fprintf(stderr, "%s\n", library.error().message().c_str());
      std::exit(1);
    }
    library_ = std::move(*library);
  }
  gantry::isolation::TestingHost host_;
  std::unique_ptr<gantry::plugin::LoadedLibrary> library_;
};

// The same work behind a virtual function.
class Reconciler {
 public:
  virtual ~Reconciler() = default;
  virtual gantry::Expected<int64_t> reconcile(const std::string& ns, const std::string& name) = 0;
};
class Empty : public Reconciler {
 public:
  gantry::Expected<int64_t> reconcile(const std::string&, const std::string& name) override {
    return static_cast<int64_t>(name.size());
  }
};

void virtual_call(benchmark::State& state) {
  const std::unique_ptr<Reconciler> reconciler = std::make_unique<Empty>();
  auto* hidden = reconciler.get();
  benchmark::DoNotOptimize(hidden);
  for (auto _ : state) benchmark::DoNotOptimize(hidden->reconcile({}, {}));
}
BENCHMARK(virtual_call);

void abi_call(benchmark::State& state) {
  Loaded loaded(false);
  for (auto _ : state) loaded.reconcile("", "");
}
BENCHMARK(abi_call);

// The median beside the mean: a scheduler's tail is long.
void isolated(benchmark::State& state, const char* name, const char* ns) {
  Loaded loaded(true);
  std::vector<double> times;
  for (auto _ : state) {
    const auto begun = std::chrono::steady_clock::now();
    loaded.reconcile(name, ns);
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begun).count());
  }
  std::sort(times.begin(), times.end());
  state.counters["p50_us"] = times[times.size() / 2];
  state.counters["p99_us"] = times[times.size() * 99 / 100];
}
void isolated_call(benchmark::State& state) { isolated(state, "", ""); }
BENCHMARK(isolated_call)->UseRealTime();
// One question to the host inside of it.
void isolated_call_with_clock(benchmark::State& state) { isolated(state, "clock", ""); }
BENCHMARK(isolated_call_with_clock)->UseRealTime();

void isolated_call_threads(benchmark::State& state) {
  static std::unique_ptr<Loaded> loaded;
  if (state.thread_index() == 0) loaded = std::make_unique<Loaded>(true);
  for (auto _ : state) loaded->reconcile("", "");
  if (state.thread_index() == 0) loaded.reset();
}
BENCHMARK(isolated_call_threads)->Threads(8)->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
