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
#include <unordered_map>

#include "core/store/database.hpp"
#include "core/store/file_lock.hpp"
#include "core/store/memory.hpp"
#include "core/store/watch_hub.hpp"

namespace gantry::store {
namespace {

// Dead rows leave the disk some at a time: rarely enough to be cheap, often enough to keep the file
// small.
constexpr size_t kDeadAtLeast = 64;
constexpr size_t kDeadAtMost = 1'024;
// No write for so long is a pause.
constexpr std::chrono::milliseconds kPause{50};

// Exactly as long as needed: appending to a moved string would leave up to half of it unused, for
// ever.
std::string with_revision(const std::string& value, size_t at, Revision revision) {
  std::string result;
  if (at > value.size()) {
    result.reserve(value.size());
    return result.append(value);
  }
  const std::string digits = std::to_string(revision);
  result.reserve(value.size() + digits.size());
  return result.append(value, 0, at).append(digits).append(value, at);
}

Status check(const Write& write, const EntryPtr& current) {
  if (write.kind == Write::Kind::kCreate) {
    if (current) return Status::already_exists("key \"" + write.key + "\" already exists");
    return {};
  }
  if (!current) return Status::not_found("key \"" + write.key + "\" not found");
  if (write.expected != 0 && write.expected != current->mod_revision) {
    return Status::conflict("key \"" + write.key + "\" is at revision " + std::to_string(current->mod_revision) +
                            ", not at " + std::to_string(write.expected));
  }
  return {};
}

EventPtr make_event(Write&& write, const EntryPtr& current, Revision revision) {
  auto entry = std::make_shared<Entry>();
  entry->key = std::move(write.key);
  entry->value = with_revision(write.value, write.revision_at, revision);
  entry->mod_revision = revision;
  entry->create_revision = current ? current->create_revision : revision;
  for (size_t slot = 0; slot < Entry::kSlots; ++slot) {
    if (!write.derived[slot]) continue;
    write.derived[slot]->stored(revision);
    entry->derived[slot].store(write.derived[slot].release(), std::memory_order_release);
  }
  auto event = std::make_shared<Event>();
  if (write.kind == Write::Kind::kDelete) event->type = EventType::kDelete;
  event->entry = std::move(entry);
  event->previous = current;
  return event;
}

class SqliteStore final : public Store {
 public:
  SqliteStore(const SqliteOptions& options, FileLock lock, std::unique_ptr<Database> database)
      : options_(options),
        lock_(std::move(lock)),
        database_(std::move(database)),
        memory_({options.history_entries, options.history_bytes, options.history_age}),
        hub_(std::make_shared<WatchHub>(options.progress_interval, options.turns)) {}
  ~SqliteStore() override;

  Status start();
  void write(Write write, WriteCallback done) override;
  EntryPtr get(std::string_view key) const override { return memory_.get(key); }
  Expected<ListResult> list(std::string_view prefix, Revision revision, std::string_view after,
                            size_t limit) const override {
    return memory_.list(prefix, revision, after, limit);
  }
  Expected<std::unique_ptr<Watch>> watch(std::string_view prefix, Revision from, WatchCallback callback) override;
  Revision revision() const override { return memory_.revision(); }
  void compact(Revision revision) override { memory_.compact(revision); }
  Stats stats() const override;

 private:
  struct Pending {
    Write write;
    WriteCallback done;
  };
  struct Answer {
    WriteCallback done;
    Expected<EntryPtr> result;
  };
  // A batch on its way to the disk.
  struct Plan {
    std::vector<EventPtr> events;
    std::vector<Answer> answers;                            // due after the commit
    std::unordered_map<std::string_view, EntryPtr> staged;  // null: deleted by this batch
  };

  void run();
  bool take(std::vector<Pending>& batch);
  void plan(Pending&& pending, Plan& out);
  void process(std::vector<Pending>& batch);

  const SqliteOptions options_;
  FileLock lock_;
  std::unique_ptr<Database> database_;
  Memory memory_;
  std::shared_ptr<WatchHub> hub_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::deque<Pending> queue_;
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

Status SqliteStore::start() {
  if (Status s = database_->start_load(); !s.ok()) return s;
  memory_.start_at(database_->compacted(), database_->pages());
  Status status =
      database_->load([this](EntryPtr entry, bool deleted) { return memory_.load(std::move(entry), deleted); });
  if (!status.ok()) return status;
  memory_.finish_load();
  hub_->start();
  writer_ = std::thread([this] { run(); });
  pthread_setname_np(writer_.native_handle(), "store-writer");
  return {};
}

void SqliteStore::write(Write write, WriteCallback done) {
  Status refused;
  bool wake = false;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) {
      refused = Status::unavailable("the store is shutting down");
    } else if (queue_.size() >= options_.max_queue) {
      refused = Status::too_many_requests("the store has " + std::to_string(queue_.size()) +
                                          " writes waiting, please try again later");
    } else {
      queue_.push_back({std::move(write), std::move(done)});
      if (options_.turns != nullptr) bell_.ring();
      wake = waiting_;
    }
  }
  if (wake) wake_.notify_one();
  if (!refused.ok() && done) done(std::move(refused));
}

Expected<std::unique_ptr<Watch>> SqliteStore::watch(std::string_view prefix, Revision from, WatchCallback callback) {
  std::unique_ptr<Watch> watch;
  // Registered under the lock that publishing needs: what the replay lacks is not published yet.
  Status status = memory_.replay(prefix, from, [&](std::vector<EventPtr> events, Revision now) {
    watch = hub_->add(prefix, std::move(events), std::max(from, now), std::move(callback));
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
  const size_t count = std::min(queue_.size(), options_.max_batch);
  for (size_t i = 0; i < count; ++i) {
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  if (options_.turns != nullptr && !queue_.empty()) bell_.ring();
  return true;
}

void SqliteStore::run() {
  std::vector<Pending> batch;
  while (take(batch)) {
    const bool paused = batch.empty();
    process(batch);
    batch.clear();
    bell_.leave();
    if (database_->needs_checkpoint() || (paused && database_->wants_checkpoint())) {
      database_->checkpoint();
    }
  }
}

void SqliteStore::plan(Pending&& pending, Plan& out) {
  Write& write = pending.write;
  const auto staged = out.staged.find(write.key);
  const bool depends = staged != out.staged.end();
  const EntryPtr current = depends ? staged->second : memory_.get(write.key);
  if (Status status = check(write, current); !status.ok()) {
    // What the answer rests on must be durable before it is told.
    if (depends)
      out.answers.push_back({std::move(pending.done), std::move(status)});
    else if (pending.done)
      pending.done(std::move(status));
    return;
  }
  const Revision revision = memory_.revision() + 1 + static_cast<Revision>(out.events.size());
  EventPtr event = make_event(std::move(write), current, revision);
  const bool deleted = event->type == EventType::kDelete;
  out.staged.insert_or_assign(event->entry->key, deleted ? nullptr : event->entry);
  out.answers.push_back({std::move(pending.done), event->entry});
  out.events.push_back(std::move(event));
}

void SqliteStore::process(std::vector<Pending>& batch) {
  Plan todo;
  for (Pending& pending : batch) plan(std::move(pending), todo);
  if (todo.events.empty()) return;
  const std::vector<DeadRow> dead = memory_.dead_rows(kDeadAtLeast, kDeadAtMost);
  const Status status = database_->commit(todo.events, dead);
  if (!status.ok()) {
    for (Answer& answer : todo.answers) {
      if (answer.done) answer.done(status);
    }
    return;
  }
  ++commits_;
  writes_ += static_cast<int64_t>(todo.events.size());
  if (!dead.empty()) memory_.forget_dead_rows(dead.size());
  memory_.publish(todo.events);
  for (Answer& answer : todo.answers) {
    if (answer.done) answer.done(std::move(answer.result));
  }
  const Revision last = todo.events.back()->entry->mod_revision;
  hub_->push(std::move(todo.events), last);
}

}  // namespace

Expected<std::unique_ptr<Store>> open_sqlite(const SqliteOptions& options) {
  auto lock = FileLock::take(options.path);
  if (!lock.ok()) return std::move(lock).error();
  auto database = Database::open(options.path, options.turns == nullptr);
  if (!database.ok()) return std::move(database).error();
  auto store = std::make_unique<SqliteStore>(options, std::move(*lock), std::move(*database));
  if (Status status = store->start(); !status.ok()) return status;
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace gantry::store
