// WatchHub: see watch_hub.hpp.
#include "core/store/watch_hub.hpp"

#include <pthread.h>

#include <algorithm>

namespace gantry::store {

namespace {

// No key holds a zero byte.
std::string place_of(std::string_view prefix, std::string_view field, std::string_view value) {
  std::string place(prefix);
  return place.append(1, '\0').append(field).append(1, '\0').append(value);
}

}  // namespace

struct WatchHub::Handle final : Watch {
  Handle(std::shared_ptr<WatchHub> h, WatcherPtr w) : hub(std::move(h)), watcher(std::move(w)) {}
  ~Handle() override { hub->remove(watcher); }
  std::shared_ptr<WatchHub> hub;
  WatcherPtr watcher;
};

void WatchHub::start() {
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "store-notify");
}

void WatchHub::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::unique_ptr<Watch> WatchHub::add(std::string_view prefix, std::vector<EventPtr> replay, Revision revision,
                                     WatchCallback callback, Only only) {
  auto watcher = std::make_shared<Watcher>();
  watcher->prefix = prefix;
  watcher->place = only.field ? place_of(prefix, only.field->name(), only.value) : watcher->prefix;
  if (only.field) watcher->field = only.field->name();
  watcher->start = revision;
  watcher->callback = std::move(callback);
  {
    std::lock_guard lock(mutex_);
    nodes_[watcher->place].watchers.push_back(watcher);
    if (only.field) {
      auto& keyed = nodes_[watcher->prefix].keyed;
      const auto known =
          std::find_if(keyed.begin(), keyed.end(), [&](const Keyed& k) { return k.field->name() == watcher->field; });
      ++(known == keyed.end() ? keyed.emplace_back(Keyed{only.field, 0}) : *known).uses;
    }
    if (!prefix.empty() && prefix.back() != '/') {
      const std::string_view folder = prefix.substr(0, prefix.rfind('/') + 1);
      ++partial_[std::string(folder)][prefix.size()];
    }
    queue_.push_back({std::move(replay), revision, watcher});
    if (simulated_) bell_.ring();
  }
  count_.fetch_add(1, std::memory_order_relaxed);
  wake_.notify_one();
  return std::make_unique<Handle>(shared_from_this(), std::move(watcher));
}

void WatchHub::remove(const WatcherPtr& watcher) {
  {
    std::lock_guard lock(mutex_);
    const std::string_view prefix = watcher->prefix;
    auto& list = nodes_.find(watcher->place)->second.watchers;
    const auto it = std::find(list.begin(), list.end(), watcher);
    std::swap(*it, list.back());
    list.pop_back();
    forget_if_unused(watcher->place);
    if (!watcher->field.empty()) {
      auto& keyed = nodes_.find(prefix)->second.keyed;
      std::erase_if(keyed, [&](Keyed& k) { return k.field->name() == watcher->field && --k.uses == 0; });
      forget_if_unused(prefix);
    }
    if (!prefix.empty() && prefix.back() != '/') {
      const auto folder = partial_.find(prefix.substr(0, prefix.rfind('/') + 1));
      const auto length = folder->second.find(prefix.size());
      if (--length->second == 0) folder->second.erase(length);
      if (folder->second.empty()) partial_.erase(folder);
    }
  }
  count_.fetch_sub(1, std::memory_order_relaxed);
  if (std::this_thread::get_id() == notifier_.load()) {
    // Inside a callback: no other one runs, and this one is kept alive by whoever called it.
    watcher->dead = true;
    return;
  }
  WatchCallback gone;
  std::lock_guard lock(watcher->running);
  watcher->dead = true;
  gone.swap(watcher->callback);
}

void WatchHub::push(std::vector<EventPtr> events, Revision progress) {
  {
    std::lock_guard lock(mutex_);
    queue_.push_back({std::move(events), progress, nullptr});
    if (simulated_) bell_.ring();
  }
  wake_.notify_one();
}

void WatchHub::call(Watcher& watcher, const EventPtr* events, size_t count, Revision progress) {
  std::lock_guard lock(watcher.running);
  if (watcher.dead) return;
  watcher.progress = progress;
  watcher.callback(events, count, progress);
}

void WatchHub::run() {
  notifier_ = std::this_thread::get_id();
  std::vector<Item> items;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      const auto ready = [this] { return !queue_.empty() || stopping_ || (simulated_ && bell_.rung()); };
      if (reached_ > told_)
        wake_.wait_until(lock, next_tell_, ready);
      else
        wake_.wait(lock, ready);
      if (simulated_) {
        lock.unlock();
        bell_.enter();
        lock.lock();
      }
      if (queue_.empty() && stopping_) return;
      items.swap(queue_);
    }
    for (Item& item : items) {
      if (item.replay_to) {
        call(*item.replay_to, item.events.data(), item.events.size(), item.progress);
        continue;
      }
      if (reached_ <= told_) next_tell_ = Clock::now() + interval_;
      reached_ = item.progress;
      deliver(item);
    }
    items.clear();
    bell_.leave();
    if (reached_ > told_ && Clock::now() >= next_tell_) tell_progress();
  }
}

void WatchHub::deliver(const Item& batch) {
  {
    std::lock_guard lock(mutex_);
    if (nodes_.empty()) return;
    for (const EventPtr& event : batch.events) match(event);
    for (size_t i = 0; i < used_; ++i) {
      nodes_.find(deliveries_[i].watchers.front()->place)->second.delivery = -1;
    }
  }
  for (size_t i = 0; i < used_; ++i) {
    Delivery& delivery = deliveries_[i];
    for (const WatcherPtr& watcher : delivery.watchers) {
      const auto first = std::find_if(delivery.events.begin(), delivery.events.end(), [&](const EventPtr& event) {
        return event->entry->mod_revision > watcher->start;
      });
      const auto count = static_cast<size_t>(delivery.events.end() - first);
      if (count > 0) call(*watcher, &*first, count, batch.progress);
    }
    delivery.events.clear();
    delivery.watchers.clear();
  }
  used_ = 0;
}

void WatchHub::match(const EventPtr& event) {
  const std::string_view key = event->entry->key;
  for (size_t cut = 0; cut != std::string_view::npos;) {
    const std::string_view folder = key.substr(0, cut);
    match_prefix(folder, event);
    const auto partial = partial_.empty() ? partial_.end() : partial_.find(folder);
    if (partial != partial_.end()) {
      for (const auto& [length, uses] : partial->second) {
        if (length <= key.size()) match_prefix(key.substr(0, length), event);
      }
    }
    const size_t slash = key.find('/', cut);
    cut = slash == std::string_view::npos ? slash : slash + 1;
  }
}

void WatchHub::match_prefix(std::string_view prefix, const EventPtr& event) {
  const auto found = nodes_.find(prefix);
  if (found == nodes_.end()) return;
  put_into(found->second, event);
  for (const Keyed& keyed : found->second.keyed) {
    // What is deleted has the values of its last version, whose forms are at hand.
    const bool put = event->type == EventType::kPut;
    const std::string_view now = put ? keyed.field->value(*event->entry) : std::string_view();
    const std::string_view before = event->previous ? keyed.field->value(*event->previous) : std::string_view();
    if (put) match_value(prefix, *keyed.field, now, event);
    if (event->previous && (!put || before != now)) match_value(prefix, *keyed.field, before, event);
  }
}

void WatchHub::match_value(std::string_view prefix, const FieldIndex& field, std::string_view value,
                           const EventPtr& event) {
  const auto found = nodes_.find(place_of(prefix, field.name(), value));
  if (found != nodes_.end()) put_into(found->second, event);
}

void WatchHub::put_into(Node& node, const EventPtr& event) {
  if (node.watchers.empty()) return;
  if (node.delivery < 0) {
    node.delivery = static_cast<int>(used_++);
    if (deliveries_.size() < used_) deliveries_.emplace_back();
    deliveries_[used_ - 1].watchers = node.watchers;
  }
  deliveries_[static_cast<size_t>(node.delivery)].events.push_back(event);
}

void WatchHub::forget_if_unused(std::string_view place) {
  const auto node = nodes_.find(place);
  if (node->second.watchers.empty() && node->second.keyed.empty()) nodes_.erase(node);
}

// Watchers of quiet prefixes hear now and then how far the others are, for their bookmarks.
void WatchHub::tell_progress() {
  std::vector<WatcherPtr> late;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [prefix, node] : nodes_) {
      for (const WatcherPtr& w : node.watchers) {
        if (w->progress != 0 && w->progress < reached_) late.push_back(w);
      }
    }
  }
  for (const WatcherPtr& watcher : late) call(*watcher, nullptr, 0, reached_);
  told_ = reached_;
}

}  // namespace gantry::store
