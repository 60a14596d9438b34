// The store: a queue of writes, the writer thread that turns what waits into one transaction, and
// who hears of it.
//
// Order for each batch: checked against memory and the batch's own earlier writes, on disk, in
// memory, answered, notified. So nobody reads, or is told, what a power cut could take back. Writes that are for memory
// alone come first, with the lower revisions: they wait for no disk, and show nothing that is not on it yet.
#include "core/store/sqlite_store.hpp"

#include <pthread.h>

#include <algorithm>
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
#include "core/store/volatile_keys.hpp"
#include "core/store/watch_hub.hpp"
#include "core/store/write_queue.hpp"

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
        memory_({options.history_entries, options.history_bytes, options.history_age},
                {options.volatile_history_entries, options.volatile_history_bytes, options.history_age},
                volatile_keys_),
        hub_(std::make_shared<WatchHub>(options.progress_interval, options.turns)) {}
  ~SqliteStore() override;

  Status start(Consent& consent);
  void write(Write write, WriteCallback done) override { queue_.push(std::move(write), std::move(done)); }
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
  void set_volatile(std::string_view prefix, const Volatility& how) override;
  Revision revision() const override { return memory_.revision(); }
  Revision compacted(std::string_view prefix) const override { return memory_.compacted(prefix); }
  void compact(Revision revision) override { memory_.compact(revision); }
  Status health() const override { return health_.status(); }
  Stats stats() const override;

 private:
  // Who is called back, as long as the store is there.
  struct Alarm {
    std::mutex mutex;
    SqliteStore* store = nullptr;  // by mutex
  };

  void run();
  std::optional<Memory::Clock::time_point> deadline();
  void set_alarm();
  void process(std::vector<Pending>& batch);
  void process_volatile(const std::vector<Pending*>& writes);
  void process_durable(const std::vector<Pending*>& writes);
  Status reserve(size_t revisions);
  void note_reserved(Revision until);
  void keep_note(Revision reached);
  void remove_only(const std::vector<Pending*>& removals);
  Status commit(Plan& plan, Database::Final final);
  void publish(Plan& plan, Memory::Kept where);
  Memory::Clock::time_point now() const { return options_.now ? options_.now() : Memory::Clock::now(); }
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
  VolatileKeys volatile_keys_;
  Memory memory_;
  std::shared_ptr<WatchHub> hub_;
  WriteQueue queue_{options_};
  Revision reserved_ = 0;  // up to which revisions may be given out that are not on disk; 0: none was in this life
  std::optional<Memory::Clock::time_point> alarm_at_;  // what options_.schedule was asked for
  const std::shared_ptr<Alarm> alarm_ = std::make_shared<Alarm>();

  std::atomic<int64_t> commits_ = 0, writes_ = 0, volatile_writes_ = 0;
  std::thread writer_;
};

SqliteStore::~SqliteStore() {
  {
    const std::lock_guard lock(alarm_->mutex);
    alarm_->store = nullptr;
  }
  queue_.stop();
  if (writer_.joinable()) writer_.join();
  // What was reserved and not needed is not lost.
  if (reserved_ > memory_.revision() && database_->reserve_revisions(memory_.revision()).ok()) {
    note_reserved(memory_.revision());
  }
  hub_->stop();
}

Status SqliteStore::start(Consent& consent) {
  Loader loader(options_.path.string(), *database_, memory_, consent);
  Loader::Noted noted;
  if (options_.turns == nullptr) {
    noted = {lock_.noted(FileLock::kReached), lock_.noted(FileLock::kReserved), lock_.lost(FileLock::kReached)};
  }
  if (Status s = loader.run(noted); !s.ok()) return s;
  // Frames behind a break would be found again behind what is written now.
  if (consent.used()) {
    if (Status s = database_->empty_log(); !s.ok()) return s;
  }
  if (options_.turns == nullptr) keep_note(loader.reached());
  // What is committed comes before what is kept back.
  (void)database_->reserve(0, 0);
  ballast_.fill();
  database_->set_room(ballast_.held());
  alarm_->store = this;
  hub_->start();
  writer_ = std::thread([this] { run(); });
  pthread_setname_np(writer_.native_handle(), "store-writer");
  return {};
}

// The database expects the note once it is certain to be there. When the disk is full, at the next start.
void SqliteStore::keep_note(Revision reached) {
  if (!lock_.lost(FileLock::kReached) && database_->expects_note()) return;
  lock_.note(reached);
  if (lock_.sync().ok() && !database_->expects_note()) (void)database_->expect_note();
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
  stats.volatile_entries = volatile_keys_.size();
  stats.volatile_writes = volatile_writes_;
  return stats;
}

void SqliteStore::set_volatile(std::string_view prefix, const Volatility& how) {
  volatile_keys_.set(prefix, how);
  queue_.wake();  // what is there may be over sooner
}

// Until when the writer may sleep.
std::optional<Memory::Clock::time_point> SqliteStore::deadline() {
  const auto now = Memory::Clock::now();
  auto deadline = memory_.expire(now);
  const auto no_later = [&](Memory::Clock::time_point time) { deadline = std::min(deadline.value_or(time), time); };
  if (database_->wants_checkpoint()) no_later(now + kPause);
  if (health_.failing()) no_later(next_probe_);
  if (options_.schedule) return deadline;
  // Without revisions to give out there is no use in coming before the disk is tried again.
  const bool stuck = health_.failing() && reserved_ < memory_.revision() + static_cast<Revision>(options_.max_batch);
  if (const auto due = volatile_keys_.due(); due && !stuck) no_later(*due);
  return deadline;
}

// Where others have the time in their hands. Before the turn ends, in which they may go on.
void SqliteStore::set_alarm() {
  const auto due = options_.schedule ? volatile_keys_.due() : std::nullopt;
  if (!due) return;
  const auto time = now();
  if (alarm_at_ && *alarm_at_ <= time) alarm_at_.reset();
  if (alarm_at_ && *alarm_at_ <= *due) return;
  if (*due <= time) return queue_.wake();
  alarm_at_ = due;
  options_.schedule(std::chrono::ceil<std::chrono::milliseconds>(*due - time).count(), [alarm = alarm_] {
    const std::lock_guard lock(alarm->mutex);
    if (alarm->store != nullptr) alarm->store->queue_.wake();
  });
}

void SqliteStore::run() {
  std::vector<Pending> batch;
  while (queue_.take(batch, deadline())) {
    const bool paused = batch.empty();
    process(batch);
    queue_.done(batch);
    batch.clear();
    set_alarm();
    queue_.leave();
    if (database_->needs_checkpoint() || (paused && database_->wants_checkpoint())) {
      database_->checkpoint();
    }
    if (health_.failing() && Memory::Clock::now() >= next_probe_) probe();
  }
}

void SqliteStore::process(std::vector<Pending>& batch) {
  std::vector<Pending*> in_memory, on_disk;
  for (Pending& pending : batch) {
    const std::string& key = pending.write.key;
    const bool is_volatile = volatile_keys_.covers(key) && volatile_keys_.takes(key, memory_.get(key));
    (is_volatile ? in_memory : on_disk).push_back(&pending);
  }
  process_volatile(in_memory);
  process_durable(on_disk);
}

void SqliteStore::process_volatile(const std::vector<Pending*>& writes) {
  const auto time = now();
  const auto due = volatile_keys_.due();
  if (writes.empty() && (!due || *due > time)) return;
  if (Status status = reserve(writes.size() + options_.max_batch); !status.ok()) {
    for (Pending* pending : writes) {
      if (pending->done) pending->done(status);
    }
    return;
  }
  Plan plan(memory_, volatile_keys_, time);
  for (Pending* pending : writes) plan.add(*pending);
  // Whoever was written to just now stays.
  std::vector<Pending> deletions;
  for (Write& write : volatile_keys_.over(time, options_.max_batch))
    deletions.push_back({std::move(write), nullptr, 0});
  for (Pending& pending : deletions) plan.add(pending);
  if (plan.events().empty()) return;
  volatile_writes_ += static_cast<int64_t>(plan.events().size());
  publish(plan, Memory::Kept::kInMemory);
}

// Revisions of what is not on disk are given out only once the disk knows that they may be.
Status SqliteStore::reserve(size_t revisions) {
  const Revision needed = memory_.revision() + static_cast<Revision>(revisions);
  if (needed <= reserved_) return {};
  Status status = database_->reserve_revisions(needed + options_.reserved_revisions);
  if (status.ok()) {
    note_reserved(needed + options_.reserved_revisions);
    return status;
  }
  if (!health_.failing()) next_probe_ = Memory::Clock::now() + options_.probe_interval;
  full_ = database_->out_of_space();
  health_.failed(status, 0);
  return status;
}

void SqliteStore::note_reserved(Revision until) {
  reserved_ = until;
  if (options_.turns == nullptr) lock_.note(until, FileLock::kReserved);
}

void SqliteStore::process_durable(const std::vector<Pending*>& writes) {
  Plan plan(memory_);
  for (Pending* pending : writes) plan.add(*pending);
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
  // On the way, as long as they are needed at all: then nobody waits for them.
  const Revision last = plan.last();
  const bool keeps = final == Database::Final::kKeep;
  const Revision reserve = keeps && reserved_ > 0 && reserved_ - last < options_.reserved_revisions / 2
                               ? last + options_.reserved_revisions
                               : 0;
  if (Status status = database_->commit(plan.events(), dead, final, reserve); !status.ok()) {
    if (!health_.failing()) next_probe_ = Memory::Clock::now() + options_.probe_interval;
    full_ = database_->out_of_space();
    health_.failed(status, plan.bytes());
    return status;
  }
  if (keeps) {
    health_.worked(plan.bytes());
    full_ = full_ && health_.failing();
  }
  ++commits_;
  writes_ += static_cast<int64_t>(plan.events().size());
  if (reserve > 0) note_reserved(reserve);
  if (options_.turns == nullptr) lock_.note(last);
  if (!dead.empty()) memory_.forget_dead_rows(dead.size());
  publish(plan, Memory::Kept::kOnDisk);
  return {};
}

void SqliteStore::publish(Plan& plan, Memory::Kept where) {
  const Revision last = plan.last();
  memory_.publish(plan.events(), where);
  plan.answer();
  hub_->push(plan.take_events(), last);
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
  const Revision noted = durable ? lock->noted(FileLock::kReached) : 0;
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
