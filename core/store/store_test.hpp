// What the store's tests share: a temporary folder, a store in it, and blocking calls.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

#include "core/files/testing.hpp"
#include "core/limits/notices.hpp"
#include "core/store/sqlite_store.hpp"

namespace gantry::store {

inline Write make_write(Write::Kind kind, std::string key, Revision expected = 0, const std::string& tag = "") {
  Write write;
  write.kind = kind;
  write.key = std::move(key);
  const std::string head = R"({"metadata":{"resourceVersion":")";
  write.value = head + R"("},"tag":")" + tag + "\"}";
  write.revision_at = head.size();
  write.expected = expected;
  return write;
}

inline std::string value_at(Revision revision, const std::string& tag = "") {
  return R"({"metadata":{"resourceVersion":")" + std::to_string(revision) + R"("},"tag":")" + tag + "\"}";
}

inline Expected<EntryPtr> wait_write(Store& store, Write write) {
  auto promise = std::make_shared<std::promise<Expected<EntryPtr>>>();
  auto future = promise->get_future();
  store.write(std::move(write), [promise](Expected<EntryPtr> result) { promise->set_value(std::move(result)); });
  return future.get();
}

// The text of "tag".
struct TagIndex : FieldIndex {
  std::string_view name() const override { return "tag"; }
  std::string_view value(const Entry& entry) const override {
    ++asked;
    const std::string_view text = entry.value;
    const auto begin = text.find("\"tag\":\"") + 7;
    return text.substr(begin, text.find('"', begin) - begin);
  }
  mutable std::atomic<int> asked = 0;
};

// Collects what a watch delivers.
class Recorder {
 public:
  WatchCallback callback() {
    return [this](const EventPtr* events, size_t count, Revision progress) {
      std::lock_guard lock(mutex_);
      events_.insert(events_.end(), events, events + count);
      progress_ = progress;
      ++calls_;
      changed_.notify_all();
    };
  }
  template <typename Predicate>
  bool wait(Predicate predicate) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return predicate(*this); });
  }
  bool wait_count(size_t n) {
    return wait([n](const Recorder& r) { return r.events_.size() >= n; });
  }
  bool wait_progress(Revision revision) {
    return wait([revision](const Recorder& r) { return r.progress_ >= revision; });
  }
  std::vector<EventPtr> events() {
    std::lock_guard lock(mutex_);
    return events_;
  }
  std::vector<Revision> revisions() {
    std::vector<Revision> result;
    for (const EventPtr& e : events()) result.push_back(e->entry->mod_revision);
    return result;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<EventPtr> events_;
  Revision progress_ = 0;
  int calls_ = 0;
};

// The log's lines, and a wait for one.
class Lines {
 public:
  std::function<void(int32_t, std::string_view)> log() {
    return [this](int32_t, std::string_view text) { add(text); };
  }
  std::unique_ptr<limits::Notices> notices() {
    limits::Notices::Hooks hooks;
    hooks.log = [this](std::string_view, int32_t, std::string_view text) { add(text); };
    hooks.monotonic_ns = [] { return int64_t{0}; };
    return std::make_unique<limits::Notices>(std::move(hooks));
  }
  std::vector<std::string> all() {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  bool wait_for(const std::string& part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(30), [&] { return has(part); });
  }

 private:
  void add(std::string_view text) {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(text);
    changed_.notify_all();
  }
  bool has(const std::string& part) const {
    for (const auto& line : lines_) {
      if (line.find(part) != std::string::npos) return true;
    }
    return false;
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing_support::new_database_folder("gantry-store");
    ASSERT_FALSE(folder_.empty());
    options_.path = folder_ / "state.db";
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void open() {
    store_.reset();
    auto opened = open_sqlite(options_);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    store_ = std::move(*opened);
  }
  // What open_sqlite says when it refuses.
  std::string refusal() {
    store_.reset();
    auto opened = open_sqlite(options_);
    return opened.ok() ? "it opened" : opened.error().message();
  }
  // The files as a kill would leave them now, opened from then on.
  void kill_here() {
    const auto copy = folder_ / ("killed-" + std::to_string(++kills_));
    std::filesystem::create_directory(copy);
    for (const char* suffix : {"", "-wal", ".lock"}) {
      const std::string file = options_.path.string() + suffix;
      if (std::filesystem::exists(file)) std::filesystem::copy(file, copy / ("state.db" + std::string(suffix)));
    }
    store_.reset();
    options_.path = copy / "state.db";
  }
  std::filesystem::path beside(const std::string& suffix) const { return options_.path.string() + suffix; }
  static std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write_file(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  Expected<EntryPtr> create(const std::string& key, const std::string& tag = "") {
    return wait_write(*store_, make_write(Write::Kind::kCreate, key, 0, tag));
  }
  Expected<EntryPtr> update(const std::string& key, Revision expected = 0, const std::string& tag = "") {
    return wait_write(*store_, make_write(Write::Kind::kUpdate, key, expected, tag));
  }
  Expected<EntryPtr> remove(const std::string& key, Revision expected = 0) {
    return wait_write(*store_, make_write(Write::Kind::kDelete, key, expected));
  }
  // The keys of a list, separated by blanks.
  std::string keys(const std::string& prefix, Revision revision = 0, const std::string& after = "", size_t limit = 0) {
    auto result = store_->list(prefix, revision, after, limit);
    if (!result.ok()) return result.error().reason() + ": " + result.error().message();
    std::string text;
    for (const EntryPtr& entry : result->entries) text += (text.empty() ? "" : " ") + entry->key;
    return text;
  }

  std::filesystem::path folder_;
  SqliteOptions options_;
  std::unique_ptr<Store> store_;
  int kills_ = 0;
};

}  // namespace gantry::store
