// The store: a queue of writes, the writer thread that turns what waits into one transaction, and
// who hears of it.
//
// Order for each batch: checked against memory and the batch's own earlier writes, on disk, in
// memory, answered, notified. So nobody reads, or is told, what a power cut could take back.
#include "core/store/sqlite_store.hpp"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "core/files/regular.hpp"
#include "core/store/ballast.hpp"
#include "core/store/commit_health.hpp"
#include "core/store/consent.hpp"
#include "core/store/database.hpp"
#include "core/store/file_lock.hpp"
#include "core/store/loader.hpp"
#include "core/store/memory.hpp"
#include "core/store/plan.hpp"
#include "core/store/watch_hub.hpp"

namespace gantry::store {
namespace {

// Dead rows leave the disk some at a time: rarely enough to be cheap, often enough to keep the file
// small.
constexpr size_t kDeadAtLeast = 64;
constexpr size_t kDeadAtMost = 1'024;
// On a full disk: as soon as there are any, and so few that their pages fit into what is left.
constexpr size_t kDeadAtOnce = 64;
constexpr int kReclaims = 16;  // such steps in a row
// No write for so long is a pause.
constexpr std::chrono::milliseconds kPause{50};

class SqliteStore final : public Store {
 public:
  SqliteStore(const SqliteOptions& options, FileLock lock, std::unique_ptr<Database> database)
      : options_(options),
        lock_(std::move(lock)),
        database_(std::move(database)),
        ballast_(options.path.string() + ".ballast", options.turns == nullptr ? options.ballast_bytes : 0),
        health_(options.notices),
        memory_({options.history_entries, options.history_bytes, options.history_age}),
        hub_(std::make_shared<WatchHub>(options.progress_interval, options.turns)) {}
  ~SqliteStore() override;

  Status start(Consent& consent);
  void write(Write write, WriteCallback done) override;
  EntryPtr get(std::string_view key) const override { return memory_.get(key); }
  Expected<ListResult> list(std::string_view prefix, Revision revision, std::string_view after,
                            size_t limit) const override {
    return memory_.list(prefix, revision, after, limit);
  }
  std::optional<ListResult> find(std::string_view prefix, const Only& only, std::string_view after) const override {
    return memory_.find(prefix, only, after);
  }
  void index(std::string_view prefix, std::shared_ptr<const FieldIndex> field) override {
    memory_.index(prefix, std::move(field));
  }
  using Store::watch;
  Expected<std::unique_ptr<Watch>> watch(std::string_view prefix, Revision from, WatchCallback callback,
                                         Only only) override;
  Revision revision() const override { return memory_.revision(); }
  void compact(Revision revision) override { memory_.compact(revision); }
  Status health() const override { return health_.status(); }
  Stats stats() const override;

 private:
  void run();
  Status admit(size_t bytes) const;
  bool take(std::vector<Pending>& batch);
  void fill_batch(std::vector<Pending>& batch);
  void forget(const std::vector<Pending>& batch);
  void process(std::vector<Pending>& batch);
  void remove_only(const std::vector<Pending*>& removals);
  Status commit(Plan& plan, Database::Final final);
  bool may_write();
  bool drop_history();
  void probe();

  const SqliteOptions options_;
  FileLock lock_;
  std::unique_ptr<Database> database_;
  Ballast ballast_;
  CommitHealth health_;
  Memory::Clock::time_point next_probe_{};  // while commits fail
  bool full_ = false;                       // ... for want of space
  Memory memory_;
  std::shared_ptr<WatchHub> hub_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Pending> queue_;
  size_t queued_bytes_ = 0;  // with those that the writer is at
  simulation::Bell bell_{"the store", options_.turns};
  bool waiting_ = false;  // the writer sleeps
  bool stopping_ = false;

  std::atomic<int64_t> commits_ = 0, writes_ = 0;
  std::thread writer_;
};

SqliteStore::~SqliteStore() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (writer_.joinable()) writer_.join();
  hub_->stop();
}

Status SqliteStore::start(Consent& consent) {
  Loader loader(options_.path.string(), *database_, memory_, consent);
  const bool durable = options_.turns == nullptr;
  if (Status s = loader.run(durable ? lock_.noted() : 0); !s.ok()) return s;
  // Frames behind a break would be found again behind what is written now.
  if (consent.used()) {
    if (Status s = database_->empty_log(); !s.ok()) return s;
  }
  // What is committed comes before what is kept back.
  (void)database_->reserve(0, 0);
  ballast_.fill();
  database_->set_room(ballast_.held());
  hub_->start();
  writer_ = std::thread([this] { run(); });
  pthread_setname_np(writer_.native_handle(), "store-writer");
  return {};
}

Status SqliteStore::admit(size_t bytes) const {
  if (stopping_) return Status::unavailable("the store is shutting down");
  const bool full =
      queue_.size() >= options_.max_queue || (queued_bytes_ > 0 && queued_bytes_ + bytes > options_.max_queue_bytes);
  if (!full) return {};
  return Status::too_many_requests("the store has " + std::to_string(queue_.size()) + " writes waiting, " +
                                   std::to_string(queued_bytes_) + " bytes, please try again later");
}

void SqliteStore::write(Write write, WriteCallback done) {
  Status refused;
  bool wake = false;
  const size_t bytes = weight_of(write);
  {
    std::lock_guard lock(mutex_);
    refused = admit(bytes);
    if (refused.ok()) {
      queued_bytes_ += bytes;
      queue_.push_back({std::move(write), std::move(done), bytes});
      if (options_.turns != nullptr) bell_.ring();
      wake = waiting_;
    }
  }
  if (wake) wake_.notify_one();
  if (!refused.ok() && done) done(std::move(refused));
}

Expected<std::unique_ptr<Watch>> SqliteStore::watch(std::string_view prefix, Revision from, WatchCallback callback,
                                                    Only only) {
  std::unique_ptr<Watch> watch;
  // Registered under the lock that publishing needs: what the replay lacks is not published yet.
  Status status = memory_.replay(prefix, from, [&](std::vector<EventPtr> events, Revision now) {
    watch = hub_->add(prefix, std::move(events), std::max(from, now), std::move(callback), std::move(only));
  });
  if (!status.ok()) return status;
  return watch;
}

Stats SqliteStore::stats() const {
  Stats stats;
  memory_.fill(stats);
  stats.watchers = hub_->watchers();
  stats.commits = commits_;
  stats.writes = writes_;
  return stats;
}

bool SqliteStore::take(std::vector<Pending>& batch) {
  const auto now = Memory::Clock::now();
  auto deadline = memory_.expire(now);
  if (database_->wants_checkpoint()) deadline = std::min(deadline.value_or(now + kPause), now + kPause);
  if (health_.failing()) deadline = std::min(deadline.value_or(next_probe_), next_probe_);
  std::unique_lock lock(mutex_);
  const auto ready = [this] { return !queue_.empty() || stopping_ || (options_.turns != nullptr && bell_.rung()); };
  waiting_ = true;
  if (deadline)
    wake_.wait_until(lock, *deadline, ready);
  else
    wake_.wait(lock, ready);
  waiting_ = false;
  if (options_.turns != nullptr) {
    lock.unlock();
    bell_.enter();
    lock.lock();
  }
  if (queue_.empty()) return !stopping_;
  fill_batch(batch);
  if (options_.turns != nullptr && !queue_.empty()) bell_.ring();
  return true;
}

void SqliteStore::fill_batch(std::vector<Pending>& batch) {
  size_t bytes = 0;
  while (!queue_.empty() && batch.size() < options_.max_batch) {
    bytes += queue_.front().bytes;
    if (!batch.empty() && bytes > options_.max_batch_bytes) break;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
}

void SqliteStore::forget(const std::vector<Pending>& batch) {
  size_t bytes = 0;
  for (const Pending& pending : batch) bytes += pending.bytes;
  std::lock_guard lock(mutex_);
  queued_bytes_ -= bytes;
}

void SqliteStore::run() {
  std::vector<Pending> batch;
  while (take(batch)) {
    const bool paused = batch.empty();
    process(batch);
    forget(batch);
    batch.clear();
    bell_.leave();
    if (database_->needs_checkpoint() || (paused && database_->wants_checkpoint())) {
      database_->checkpoint();
    }
    if (health_.failing() && Memory::Clock::now() >= next_probe_) probe();
  }
}

void SqliteStore::process(std::vector<Pending>& batch) {
  Plan plan(memory_);
  for (Pending& pending : batch) plan.add(pending);
  if (plan.events().empty()) return;
  Status status = may_write() ? commit(plan, Database::Final::kKeep) : health_.status();
  if (!status.ok() && full_ && drop_history() && may_write()) status = commit(plan, Database::Final::kKeep);
  if (status.ok()) return;
  const auto removals = full_ ? plan.take_removals() : std::vector<Pending*>();
  plan.refuse(status);
  if (!removals.empty()) remove_only(removals);
}

// What makes room gets the space that is kept back, and takes as little of it as can be.
void SqliteStore::remove_only(const std::vector<Pending*>& removals) {
  ballast_.release();
  Plan plan(memory_);
  for (Pending* pending : removals) plan.add(*pending);
  if (plan.events().empty()) return;
  if (Status status = commit(plan, Database::Final::kOmit); !status.ok()) return plan.refuse(status);
  drop_history();
}

Status SqliteStore::commit(Plan& plan, Database::Final final) {
  const std::vector<DeadRow> dead =
      full_ ? std::vector<DeadRow>() : memory_.dead_rows(kDeadAtLeast, kDeadAtMost);  // full: see drop_history
  if (Status status = database_->commit(plan.events(), dead, final); !status.ok()) {
    if (!health_.failing()) next_probe_ = Memory::Clock::now() + options_.probe_interval;
    full_ = database_->out_of_space();
    health_.failed(status, plan.bytes());
    return status;
  }
  if (final == Database::Final::kKeep) {
    health_.worked(plan.bytes());
    full_ = full_ && health_.failing();
  }
  ++commits_;
  writes_ += static_cast<int64_t>(plan.events().size());
  const Revision last = plan.last();
  if (options_.turns == nullptr) lock_.note(last);
  if (!dead.empty()) memory_.forget_dead_rows(dead.size());
  memory_.publish(plan.events());
  plan.answer();
  hub_->push(plan.take_events(), last);
  return {};
}

// Space that is kept back is not for writes that only add: first it must be there again.
bool SqliteStore::may_write() {
  if (!ballast_.released()) return true;
  (void)database_->empty_log();
  return ballast_.fill();
}

// For want of space. The file does not shrink, but what comes next goes into the pages of what is gone. False: there
// are none.
bool SqliteStore::drop_history() {
  memory_.compact(memory_.revision());
  int done = 0;
  for (; done < kReclaims; ++done) {
    const auto dead = memory_.dead_rows(1, kDeadAtOnce);
    if (dead.empty() || !database_->commit({}, dead).ok()) break;
    memory_.forget_dead_rows(dead.size());
    database_->checkpoint();
  }
  return done > 0;
}

void SqliteStore::probe() {
  next_probe_ = Memory::Clock::now() + options_.probe_interval;
  if (full_) drop_history();
  if (!may_write()) return health_.failed(health_.status(), 0);
  const size_t bytes = health_.failed_bytes();
  if (Status status = database_->try_write(bytes); !status.ok()) {
    full_ = database_->out_of_space();
    return health_.failed(status, bytes);
  }
  health_.worked(bytes);
  full_ = false;
}

}  // namespace

Expected<std::unique_ptr<Store>> open_sqlite(const SqliteOptions& options) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal", ".lock", ".ballast"}) {
    if (Status s = files::regular_if_there(options.path.string() + suffix); !s.ok()) return s;
  }
  auto lock = FileLock::take(options.path);
  if (!lock.ok()) return std::move(lock).error();
  const bool durable = options.turns == nullptr;
  const Revision noted = durable ? lock->noted() : 0;
  Consent consent(options.path, options.log);
  bool asked = !durable;  // nothing is promised then
  if (!asked) {
    std::error_code error;
    asked = std::filesystem::file_size(options.path, error) == 0 || error;
    if (Status s = check_files(options.path, noted, options.witness, consent); !s.ok()) return s;
  }
  // A file without tables is as lost as none.
  const auto may_create = [&] { return asked ? Status() : check_new(options.path, noted, options.witness, consent); };
  auto database = Database::open(options.path, durable, may_create);
  if (!database.ok()) return std::move(database).error();
  auto store = std::make_unique<SqliteStore>(options, std::move(*lock), std::move(*database));
  if (Status status = store->start(consent); !status.ok()) return status;
  consent.end();
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace gantry::store
