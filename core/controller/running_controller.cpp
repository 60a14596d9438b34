#include "core/controller/running_controller.hpp"

#include <algorithm>
#include <chrono>

#include "core/controller/mapping.hpp"
#include "gantry/abi/log.h"
#include "gantry/bytes.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/object_meta.pb.h"

namespace gantry::controller {
namespace {

using client::ApiRequest;
using gantry::abi::ObjectEvent;
using gantry::abi::WatchSpec;

// A write that no cache shows within this time (filtered out by a selector, say) no longer holds a key back.
constexpr int64_t kUnseenLimitMs = 30'000;

// The key this thread reconciles, for note_write; a reconcile never moves between threads.
struct Current {
  const RunningController* controller = nullptr;
  const Key* key = nullptr;
};
thread_local Current current;

void emit_to_queue(void* context, gantry_slice ns, gantry_slice name) {
  static_cast<RunningController*>(context)->offer({std::string(to_view(ns)), std::string(to_view(name))}, 0,
                                                  WorkQueue::From::kMap);
}

// As kubectl names it: "deployments.v1.apps".
std::string resource_of(const WatchSpec& watch) {
  return watch.resource() + "." + watch.version() + (watch.group().empty() ? "" : "." + watch.group());
}

bool is_write(ApiRequest::Verb verb) {
  return verb == ApiRequest::CREATE || verb == ApiRequest::UPDATE || verb == ApiRequest::PATCH ||
         verb == ApiRequest::DELETE;
}

}  // namespace

RunningController::RunningController(ControllerHost& host, std::shared_ptr<plugin::Plugin> plugin, Wants wants)
    : host_(host),
      plugin_(std::move(plugin)),
      verbs_(plugin_, GANTRY_CONTROLLER_ID),
      wants_(std::move(wants)),
      mapper_(mapper_options()),
      queue_(*host.options().timers, host.pool(), static_cast<size_t>(std::max(1, spec_.workers())),
             [this](const Key& key) { return reconcile(key); }) {
  queue_.on_room([this] { mapper_.wake(false); });
  if (!reconciles()) mapper_.hold();  // until the caches are filled
}

EventMapper::Options RunningController::mapper_options() {
  EventMapper::Options options;
  options.map = [this](const EventMapper::Item& item) { return map(item); };
  options.everything = [this] { return everything(); };
  options.skipped = [this](const EventMapper::Item& item) {
    host_.options().log(GANTRY_LOG_ERROR, title() + ": an event of " + name_of(item) +
                                              " is left out: " + (reconciles() ? "its map" : "being told of it") +
                                              " ended the plugin's process " + std::to_string(EventMapper::kTries) +
                                              " times");
  };
  return options;
}

std::string RunningController::name_of(const EventMapper::Item& item) {
  const auto* object = item.event.now.get();
  return object == nullptr ? "the beginning" : item.topic->resource + " " + object->ns + "/" + object->name;
}

RunningController::~RunningController() { stop(); }

void RunningController::stop() {
  queue_.stop();
  mapper_.stop();
}

void RunningController::offer(Key key, int64_t delay_ms, WorkQueue::From from) {
  if (!reconciles()) {
    return plugin_->host().trouble("plugin-keys", *plugin_,
                                   "a key was dropped: the plugin has no controller to work on it");
  }
  if (queue_.offer(std::move(key), delay_ms, from)) return;
  plugin_->host().trouble("plugin-keys", *plugin_,
                          "a key was dropped: it is longer than " + std::to_string(plugin::bounds::kKeySize) +
                              " bytes, or the plugin has queued " + std::to_string(plugin::bounds::kKeys) +
                              " of its own, the most that may wait");
}

void RunningController::watch(const std::shared_ptr<Informer>& informer, const WatchSpec& spec) {
  {
    // Known before its first event: whoever maps it may ask for what it has.
    const std::lock_guard lock(watched_mutex_);
    watched_.push_back({informer, spec, nullptr});
  }
  auto listener = informer->listen([weak = weak_from_this(), spec, topic = topic_of(*informer, spec)](
                                       const Informer&, const Informer::Events& events) {
    if (const auto self = weak.lock()) self->on_events(topic, spec, events);
  });
  const std::lock_guard lock(watched_mutex_);
  watched_.back().listener = std::move(listener);
}

std::vector<RunningController::Source> RunningController::sources() const {
  const std::lock_guard lock(watched_mutex_);
  std::vector<Source> found;
  found.reserve(watched_.size());
  for (const auto& watched : watched_) found.push_back({watched.informer, watched.spec});
  return found;
}

const Informer* RunningController::find(std::string_view group, std::string_view resource) const {
  const std::lock_guard lock(watched_mutex_);
  for (const auto& watched : watched_) {
    if (watched.informer->key().group == group && watched.informer->key().resource == resource) {
      return watched.informer.get();
    }
  }
  return nullptr;
}

Informer* RunningController::find(std::string_view group, std::string_view resource) {
  return const_cast<Informer*>(std::as_const(*this).find(group, resource));
}

bool RunningController::synced() const {
  const std::lock_guard lock(watched_mutex_);
  return std::all_of(watched_.begin(), watched_.end(), [](const Watched& w) { return w.informer->synced(); });
}

std::string RunningController::refused() const {
  std::string text;
  for (const auto& source : sources()) {
    const auto why = source.informer->refused();
    if (why.ok()) continue;
    text += (text.empty() ? "its watch of " : "; its watch of ") + resource_of(source.spec) +
            " is refused: " + why.message();
  }
  return text;
}

std::string RunningController::unfilled() const {
  std::string text;
  for (const auto& source : sources()) {
    if (!source.informer->synced()) text += (text.empty() ? "" : ", ") + resource_of(source.spec);
  }
  return text;
}

void RunningController::start_if_synced() {
  if (!synced()) return;
  if (started_.exchange(true)) return;
  host_.options().log(GANTRY_LOG_DEBUG, title() + " runs");
  if (!reconciles()) return mapper_.wake(false, true);
  queue_.start();
  if (spec_.resync_ms() > 0) queue_all_again();
}

void RunningController::go_on(bool switched) {
  const bool told = started_;
  if (switched) queue_.excuse_overdue();
  queue_.resume();
  start_if_synced();
  // A plugin without a controller hears nothing before its caches are filled, and another instance of it all anew.
  if (reconciles()) return mapper_.wake(switched);
  if (told) mapper_.wake(switched, switched);
}

void RunningController::queue_all_again() {
  host_.options().timers->start(spec_.resync_ms(), [self = weak_from_this()] {
    const auto controller = self.lock();
    if (controller == nullptr) return;
    for (const auto& source : controller->sources()) {
      if (source.spec.mapping() != WatchSpec::SELF) continue;
      for (const auto& object : source.informer->list("")) controller->queue_.add({object->ns, object->name});
    }
    controller->queue_all_again();
  });
}

RunningController::TopicPtr RunningController::topic_of(const Informer& informer, const WatchSpec& spec) {
  const auto& key = informer.key();
  return std::make_shared<const EventMapper::Topic>(
      EventMapper::Topic{key.group, key.version, key.resource, spec.metadata_only()});
}

std::shared_ptr<const Informer> RunningController::owners() const {
  const std::lock_guard lock(watched_mutex_);
  const auto self = std::find_if(watched_.begin(), watched_.end(),
                                 [](const Watched& watched) { return watched.spec.mapping() == WatchSpec::SELF; });
  return self == watched_.end() ? nullptr : self->informer;
}

void RunningController::on_events(const TopicPtr& topic, const WatchSpec& spec, const Informer::Events& events) {
  const auto adopters = spec.owner_selector().empty() ? nullptr : owners();
  std::vector<EventMapper::Item> asked;
  for (const auto& event : events) {
    if (!counts(spec, event)) continue;
    if (spec.mapping() == WatchSpec::CUSTOM) {
      asked.push_back({topic, event});
    } else {
      map_here(spec, event, adopters.get());
    }
  }
  mapper_.add(std::move(asked));
}

void RunningController::map_here(const WatchSpec& spec, const Informer::Event& event, const Informer* owners) {
  const auto& object = *event.now;
  if (spec.mapping() == WatchSpec::SELF) {
    queue_.add({object.ns, object.name});
  } else if (spec.mapping() == WatchSpec::OWNER) {
    map_owners(spec, event, owners, [this](std::string_view ns, std::string_view name) {
      queue_.add({std::string(ns), std::string(name)});
    });
  } else if (spec.mapping() == WatchSpec::NAMESPACE && !object.ns.empty()) {
    queue_.add({"", object.ns});
  }
}

// On the mapper's thread.
EventMapper::Answer RunningController::map(const EventMapper::Item& item) {
  if (queue_.full()) return EventMapper::Answer::kNotNow;
  const auto call = plugin_->try_enter();
  if (!call || call.pinned().lost()) return EventMapper::Answer::kNotNow;
  const auto answer = reconciles() ? ask_map(call, item) : tell(call, item);
  return call.pinned().lost() ? EventMapper::Answer::kBroken : answer;
}

ObjectEvent RunningController::message_of(const EventMapper::Item& item) {
  const auto& event = item.event;
  ObjectEvent message;
  message.set_type(event.type);
  message.set_group(item.topic->group);
  message.set_version(item.topic->version);
  message.set_resource(item.topic->resource);
  // Whole objects may be cached for others; who asked for metadata is not made to pay for them at every event.
  const auto bytes_of = [&](const CachedObject& object) {
    return std::string(item.topic->metadata_only ? object.metadata : object.object.bytes);
  };
  message.set_object(bytes_of(*event.now));
  if (event.before != nullptr) message.set_previous(bytes_of(*event.before));
  return message;
}

EventMapper::Answer RunningController::ask_map(const plugin::Plugin::Call& call, const EventMapper::Item& item) {
  const auto* table = call.table<gantry_controller>(GANTRY_CONTROLLER_ID);
  if (table == nullptr || table->map == nullptr) return EventMapper::Answer::kDone;
  const auto& event = item.event;
  auto& instance = call.pinned();
  const plugin::Watchdog::Watch watch(plugin_->host().watchdog(), instance, instance.watch().deadline_ms, event.now->ns,
                                      event.now->name, nullptr, "map");
  const plugin::CallMark mark(instance.mapped(), "map", event.now->ns, event.now->name);
  table->map(call.instance(), to_slice(message_of(item).SerializeAsString()), &emit_to_queue, this);
  return EventMapper::Answer::kDone;
}

// Like a restart: what lost events would have queued is among what all objects queue.
std::deque<EventMapper::Item> RunningController::everything() {
  std::deque<EventMapper::Item> found;
  if (!reconciles()) found.push_back({});
  for (const auto& source : sources()) {
    const auto topic = topic_of(*source.informer, source.spec);
    const auto adopters = source.spec.owner_selector().empty() ? nullptr : owners();
    for (auto& object : source.informer->list("")) {
      const Informer::Event event{ObjectEvent::ADDED, std::move(object), nullptr};
      if (!counts(source.spec, event)) continue;
      if (source.spec.mapping() == WatchSpec::CUSTOM) {
        found.push_back({topic, event});
      } else {
        map_here(source.spec, event, adopters.get());
      }
    }
  }
  return found;
}

WorkQueue::Outcome RunningController::reconcile(const Key& key) {
  if (spec_.wait_own_writes()) {
    // Its last unseen write queues the key again, as soon as it is seen.
    if (const int64_t wait_ms = held_for_ms(key); wait_ms > 0) return {.requeue_after_ms = wait_ms, .held = true};
  }
  current = {this, &key};
  const auto outcome = call_plugin(key);
  current = {};
  return outcome;
}

WorkQueue::Outcome RunningController::call_plugin(const Key& key) {
  const uint64_t epoch = queue_.epoch();
  const auto pinned = verbs_.pin();
  if (!pinned) return {true, 0};  // ended under it: kept, and tried again by the next instance
  auto& instance = *pinned.instance();
  if (instance.lost()) return {.down = true, .epoch = epoch};
  const auto noted = [&] { queue_.note_overdue(key, !plugin_->is_current(instance)); };
  const auto result = pinned.call_with(&gantry_controller::reconcile,
                                       [&](auto function, void* self, gantry_buffer* answer, gantry_buffer* error) {
                                         return function(self, to_slice(key.ns), to_slice(key.name), answer, error);
                                       },
                                       {key.ns, key.name, std::ref(noted)});
  if (!result) {
    const auto& status = result.error();
    // A conflict is everyday life: somebody else wrote first, the next run sees it.
    host_.options().log(status.code() == 409 ? GANTRY_LOG_DEBUG : GANTRY_LOG_WARN,
                        title() + ": " + key.ns + "/" + key.name + ": " + status.message().substr(0, kMaxSaid));
    return {true, 0};
  }
  gantry::abi::ReconcileResult message;
  message.ParseFromString(*result);
  return {false, message.requeue_after_ms()};
}

std::optional<Key> RunningController::current_key() const {
  if (current.controller != this) return std::nullopt;
  return *current.key;
}

void RunningController::note_write(const Key& key, const ApiRequest& request, const client::ApiResponse& response) {
  if (!spec_.wait_own_writes() || !is_write(request.verb())) return;
  Informer* informer = find(request.group(), request.resource());
  if (informer == nullptr) return;
  const bool deleted = request.verb() == ApiRequest::DELETE;
  CachedPtr written;
  if (!response.is_status() && response.objects_size() == 1) {
    written = index_object({response.objects(0), nullptr});
  } else if (deleted) {
    written = informer->get(request.namespace_(), request.name());
  }
  if (written == nullptr || written->uid.empty()) return;
  const uint64_t write = begin_unseen(key);
  const bool waits = informer->when_seen(written->uid, written->ns, written->name, written->revision, deleted,
                                         [self = weak_from_this(), key, write] {
                                           const auto controller = self.lock();
                                           if (controller && controller->end_unseen(key, write)) {
                                             controller->queue_.add(key);
                                           }
                                         });
  if (!waits) end_unseen(key, write);
}

int64_t RunningController::monotonic_ns() const { return host_.options().plugins->options().clock->monotonic_ns(); }

int64_t RunningController::held_for_ms(const Key& key) {
  const std::lock_guard lock(mutex_);
  const auto it = unseen_.find(key);
  if (it == unseen_.end()) return 0;
  const int64_t now = monotonic_ns();
  int64_t last = now;
  for (const auto& unseen : it->second) last = std::max(last, unseen.deadline_ns);
  if (last > now) return (last - now) / 1'000'000 + 1;
  unseen_.erase(it);
  return 0;
}

uint64_t RunningController::begin_unseen(const Key& key) {
  const std::lock_guard lock(mutex_);
  unseen_[key].push_back({++writes_, monotonic_ns() + kUnseenLimitMs * 1'000'000});
  return writes_;
}

void RunningController::wait_seen(int64_t ms) {
  std::unique_lock lock(mutex_);
  all_seen_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return unseen_.empty(); });
}

bool RunningController::end_unseen(const Key& key, uint64_t write) {
  const std::lock_guard lock(mutex_);
  const auto it = unseen_.find(key);
  if (it == unseen_.end()) return false;
  std::erase_if(it->second, [write](const Unseen& unseen) { return unseen.write == write; });
  if (!it->second.empty()) return false;
  unseen_.erase(it);
  if (unseen_.empty()) all_seen_.notify_all();
  return true;
}

}  // namespace gantry::controller
