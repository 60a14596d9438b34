// The store under writers that wait for their commit, as API calls do, and under lists of many pods.
// The database lies in GANTRY_BENCH_FOLDER (default: the temporary folder): a commit costs what that disk's sync costs.
#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <future>
#include <string>

#include "core/schema/sample_pod.hpp"
#include "core/store/sqlite_store.hpp"

namespace gantry::store {
namespace {

class Folder {
 public:
  Folder() {
    const char* base = std::getenv("GANTRY_BENCH_FOLDER");
    std::filesystem::path parent = base != nullptr ? base : std::filesystem::temp_directory_path();
    std::string name = (parent / "gantry-bench-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      std::perror(name.c_str());
      std::exit(1);
    }
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::unique_ptr<Store> open_in(const Folder& folder) {
  SqliteOptions options;
  options.path = folder.path() / "state.db";
  auto opened = open_sqlite(options);
  if (!opened) {
    std::fprintf(stderr, "%s\n", opened.error().message().c_str());
    std::exit(1);
  }
  return *std::move(opened);
}

// The sample pod's text is as good a value as any: the store does not look into it.
Write pod_write(Write::Kind kind, std::string key) {
  Write write;
  write.kind = kind;
  write.key = std::move(key);
  write.value = schema::testing::kSamplePod;
  return write;
}

bool commit(Store& store, Write write) {
  std::promise<bool> promise;
  auto future = promise.get_future();
  store.write(std::move(write), [&promise](const Expected<EntryPtr>& result) { promise.set_value(result.ok()); });
  return future.get();
}

struct Shared {
  Folder folder;
  std::unique_ptr<Store> store = open_in(folder);
  std::atomic<int64_t> next{0};
};
std::unique_ptr<Shared> shared;

void set_up(const benchmark::State&) {
  shared = std::make_unique<Shared>();
  shared->store->set_volatile("/metrics/", {std::chrono::seconds(60), 16'384, 64 << 20});
}
void tear_down(const benchmark::State&) { shared.reset(); }

// Each thread is a writer that waits until its object is on the disk.
void Commit(benchmark::State& state) {
  for (auto _ : state) {
    std::string key = "/core/pods/bench/pod-" + std::to_string(shared->next.fetch_add(1));
    if (!commit(*shared->store, pod_write(Write::Kind::kCreate, std::move(key)))) state.SkipWithError("a write failed");
  }
  state.SetItemsProcessed(state.iterations());
  if (state.thread_index() != 0) return;
  const Stats stats = shared->store->stats();
  state.counters["writes/commit"] =
      stats.commits == 0 ? 0 : static_cast<double>(stats.writes) / static_cast<double>(stats.commits);
}

// Each thread is a writer that updates an object of its own, on disk or in memory alone.
void update_under(benchmark::State& state, const std::string& prefix) {
  const std::string key = prefix + std::to_string(state.thread_index());
  bool well = commit(*shared->store, pod_write(Write::Kind::kCreate, key));
  for (auto _ : state) well = well && commit(*shared->store, pod_write(Write::Kind::kUpdate, key));
  if (!well) state.SkipWithError("a write failed");
  state.SetItemsProcessed(state.iterations());
}
void Update(benchmark::State& state) { update_under(state, "/core/pods/bench/"); }
void UpdateVolatile(benchmark::State& state) { update_under(state, "/metrics/pods/bench/"); }
// While another writer's objects go to the disk.
void UpdateVolatileBesideDurable(benchmark::State& state) {
  if (state.thread_index() == 0) {
    update_under(state, "/core/pods/bench/");
    state.SetItemsProcessed(0);
  } else {
    UpdateVolatile(state);
  }
}

constexpr int kPods = 10'000;

void fill(const benchmark::State& state) {
  set_up(state);
  std::atomic<int> left{kPods};
  std::promise<void> done;
  for (int i = 0; i < kPods; ++i) {
    std::string key = "/core/pods/ns-" + std::to_string(i % 20) + "/pod-" + std::to_string(i);
    shared->store->write(pod_write(Write::Kind::kCreate, std::move(key)), [&](const Expected<EntryPtr>&) {
      if (left.fetch_sub(1) == 1) done.set_value();
    });
  }
  done.get_future().wait();
}

void list_of(benchmark::State& state, std::string_view prefix, size_t limit) {
  size_t entries = 0;
  for (auto _ : state) {
    auto result = shared->store->list(prefix, 0, {}, limit);
    entries = result ? result->entries.size() : 0;
    benchmark::DoNotOptimize(result);
  }
  state.counters["entries"] = static_cast<double>(entries);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(entries));
}
void ListAll(benchmark::State& state) { list_of(state, "/core/pods/", 0); }
void ListNamespace(benchmark::State& state) { list_of(state, "/core/pods/ns-7/", 0); }
void ListPage(benchmark::State& state) { list_of(state, "/core/pods/", 500); }

void Get(benchmark::State& state) {
  for (auto _ : state) {
    auto entry = shared->store->get("/core/pods/ns-7/pod-4007");
    benchmark::DoNotOptimize(entry);
  }
}

BENCHMARK(Commit)->Setup(set_up)->Teardown(tear_down)->Threads(1)->Threads(16)->Threads(64)->UseRealTime();
BENCHMARK(Update)->Setup(set_up)->Teardown(tear_down)->Threads(1)->Threads(16)->Threads(64)->UseRealTime();
BENCHMARK(UpdateVolatile)->Setup(set_up)->Teardown(tear_down)->Threads(1)->Threads(16)->Threads(64)->UseRealTime();
BENCHMARK(UpdateVolatileBesideDurable)->Setup(set_up)->Teardown(tear_down)->Threads(2)->Threads(17)->UseRealTime();
BENCHMARK(ListAll)->Setup(fill)->Teardown(tear_down)->Unit(benchmark::kMicrosecond);
BENCHMARK(ListNamespace)->Setup(fill)->Teardown(tear_down)->Unit(benchmark::kMicrosecond);
BENCHMARK(ListPage)->Setup(fill)->Teardown(tear_down)->Unit(benchmark::kMicrosecond);
BENCHMARK(Get)->Setup(fill)->Teardown(tear_down);

}  // namespace
}  // namespace gantry::store

BENCHMARK_MAIN();
