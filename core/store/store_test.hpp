// What the store's tests share: a temporary folder, a store in it, and blocking calls.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <string>
#include <vector>

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

class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "gantry-store-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
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
};

}  // namespace gantry::store
