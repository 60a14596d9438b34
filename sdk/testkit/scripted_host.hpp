// A host for unit tests of controllers: caches and API answers are what the test says, time passes when it says so, and
// what the plugin does is noted.
//
// Owned by a test; used through sdk::Host(&host.host). One thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "gantry/host.hpp"
#include "label_selector.hpp"
#include "scripted_time.hpp"

namespace gantry::testkit {

class ScriptedHost {
 public:
  struct Event {
    corev1::ObjectReference regarding;
    std::string type, reason, message;
  };
  using Answer = Expected<abi::ApiResponse>;

  ScriptedHost() : host{sizeof(gantry_host), 1, 0, this, &ScriptedHost::find_interface} {}
  ScriptedHost(const ScriptedHost&) = delete;
  ScriptedHost& operator=(const ScriptedHost&) = delete;

  using Indexed = std::map<std::string, std::string, std::less<>>;
  // Puts an object into the cache of its resource. by_index finds it by these fields, and by "metadata.controller".
  template <typename Message>
  void cache(const Message& object, Indexed indexed = {}) {
    constexpr auto name = ResourceOf<Message>::name;
    cache_as(std::string(name.group), std::string(name.resource), object, std::move(indexed));
  }
  template <typename Message>
  void cache_as(const std::string& group, const std::string& resource, const Message& object, Indexed indexed = {}) {
    const auto& meta = object.metadata();
    auto& slot = caches[{group, resource}][{meta.namespace_(), meta.name()}];
    slot.bytes = object.SerializeAsString();
    slot.owners.clear();
    slot.indexed = std::move(indexed);
    slot.indexed["metadata.controller"] = "";
    for (const auto& owner : meta.owner_references()) {
      slot.owners.push_back(owner.uid());
      if (owner.controller()) slot.indexed["metadata.controller"] = owner.uid();
    }
    slot.labels = {meta.labels().begin(), meta.labels().end()};
  }
  void uncache(const std::string& group, const std::string& resource, const std::string& ns, const std::string& name) {
    caches[{group, resource}].erase({ns, name});
  }
  // How often the plugin was given each object of a kind, by name; each time it had to decode it.
  template <typename Message>
  std::map<std::string, size_t> given() const {
    constexpr auto name = ResourceOf<Message>::name;
    std::map<std::string, size_t> times;
    const auto cached = caches.find({std::string(name.group), std::string(name.resource)});
    if (cached == caches.end()) return times;
    for (const auto& [key, object] : cached->second) times[key.second] = object.given;
    return times;
  }
  // What the API answers; every request is kept in `requests` first.
  std::function<Answer(const abi::ApiRequest&)> api = [](const abi::ApiRequest&) -> Answer {
    return Status::internal("this test expects no request");
  };

  template <typename Message>
  static abi::ApiResponse answer(const Message& object) {
    abi::ApiResponse response;
    response.set_code(200);
    response.add_objects(object.SerializeAsString());
    return response;
  }

  struct Cached {
    std::string bytes;
    std::vector<std::string> owners;
    LabelSelector::Labels labels;
    Indexed indexed;
    size_t given = 0;  // how often the plugin got it, and had to decode it
  };
  std::map<std::pair<std::string, std::string>, std::map<std::pair<std::string, std::string>, Cached>> caches;
  std::vector<abi::ApiRequest> requests;
  std::vector<std::tuple<std::string, std::string, int64_t>> queued;  // namespace, name, delay in ms
  std::vector<Event> events;
  std::vector<std::string> log;
  // The [plugin.NAME] table, and under "daemon." what the daemon tells its plugins ("daemon.data_dir").
  std::map<std::string, std::variant<std::string, int64_t, bool, std::vector<std::string>>> config;
  std::map<std::string, const void*, std::less<>> interfaces;  // further ones of the host, by id
  int64_t now_ns = 1'700'000'000'000'000'000;
  // timers.advance(ms) moves the clock and fires what falls due; tasks.run_all() runs what run_task was given.
  ScriptedTimers timers{now_ns};
  ScriptedTasks tasks;
  ScriptedMetrics metrics;
  gantry_host host;

 private:
  static ScriptedHost& self(const gantry_host* host) { return *static_cast<ScriptedHost*>(host->context); }
  static std::string text(gantry_slice slice) { return std::string(to_view(slice)); }

  static gantry_code call(const gantry_host* host, gantry_slice bytes, gantry_buffer* response, gantry_buffer* error) {
    abi::ApiRequest request;
    request.ParseFromArray(bytes.data, static_cast<int>(bytes.size));
    self(host).requests.push_back(request);
    const auto answer = self(host).api(request);
    if (!answer) return fail(answer.error(), error);
    fill_buffer(response, answer->SerializeAsString());
    return 0;
  }
  // Answered before it returns.
  static void call_async(const gantry_host* host, gantry_slice bytes, gantry_call_done done, void* context) {
    Buffer response, error;
    const auto code = call(host, bytes, response.out(), error.out());
    done(context, code, to_slice(response.view()), to_slice(error.view()));
  }
  static int32_t give(Cached& object, gantry_visit visit, void* context) {
    ++object.given;
    return visit(context, to_slice(object.bytes));
  }
  static gantry_code cache_get(const gantry_host* host, const gantry_resource* resource, gantry_slice ns,
                               gantry_slice name, gantry_buffer* object) {
    auto& cache = self(host).caches[{text(resource->group), text(resource->resource)}];
    const auto it = cache.find({text(ns), text(name)});
    if (it == cache.end()) return 404;
    ++it->second.given;
    fill_buffer(object, it->second.bytes);
    return 0;
  }
  static gantry_code cache_list(const gantry_host* host, const gantry_resource* resource, gantry_slice ns,
                                gantry_slice selector, gantry_visit visit, void* context, gantry_buffer* error) {
    const auto wanted = LabelSelector::parse(to_view(selector));
    if (!wanted) return fail(wanted.error(), error);
    for (auto& [key, object] : self(host).caches[{text(resource->group), text(resource->resource)}]) {
      if ((ns.size > 0 && key.first != to_view(ns)) || !wanted->matches(object.labels)) continue;
      if (give(object, visit, context) != 0) break;
    }
    return 0;
  }
  static gantry_code cache_by_owner(const gantry_host* host, const gantry_resource* resource, gantry_slice uid,
                                    gantry_visit visit, void* context) {
    for (auto& [key, object] : self(host).caches[{text(resource->group), text(resource->resource)}]) {
      for (const auto& owner : object.owners) {
        if (owner == to_view(uid)) give(object, visit, context);
      }
    }
    return 0;
  }
  static gantry_code cache_by_index(const gantry_host* host, const gantry_resource* resource, gantry_slice index,
                                    gantry_slice value, gantry_slice ns, gantry_slice selector, gantry_visit visit,
                                    void* context, gantry_buffer* error) {
    const auto wanted = LabelSelector::parse(to_view(selector));
    if (!wanted) return fail(wanted.error(), error);
    for (auto& [key, object] : self(host).caches[{text(resource->group), text(resource->resource)}]) {
      const auto at = object.indexed.find(to_view(index));
      if (at == object.indexed.end()) return fail(Status::bad_request("no such index: " + text(index)), error);
      if (at->second != to_view(value) || (ns.size > 0 && key.first != to_view(ns))) continue;
      if (wanted->matches(object.labels) && give(object, visit, context) != 0) break;
    }
    return 0;
  }
  static void queue_after(const gantry_host* host, gantry_slice ns, gantry_slice name, int64_t delay_ms) {
    self(host).queued.emplace_back(text(ns), text(name), delay_ms);
  }
  static void queue_add(const gantry_host* host, gantry_slice ns, gantry_slice name) { queue_after(host, ns, name, 0); }
  static void record(const gantry_host* host, gantry_slice regarding, gantry_slice type, gantry_slice reason,
                     gantry_slice message) {
    Event event{{}, text(type), text(reason), text(message)};
    event.regarding.ParseFromArray(regarding.data, static_cast<int>(regarding.size));
    self(host).events.push_back(std::move(event));
  }

  static void log_write(const gantry_host* host, int32_t, gantry_slice line) { self(host).log.push_back(text(line)); }
  static int32_t log_enabled(const gantry_host*, int32_t) { return 1; }

  // The value of a key, when it has the type that is asked for.
  template <typename T>
  static gantry_code find_config(const gantry_host* host, const std::string& key, gantry_buffer* error,
                                 const T*& value) {
    const auto it = self(host).config.find(key);
    if (it == self(host).config.end()) return 404;
    value = std::get_if<T>(&it->second);
    return value != nullptr ? 0 : fail(Status::invalid(key + " has another type in this test's config"), error);
  }
  static gantry_code config_string(const gantry_host* host, gantry_slice key, gantry_buffer* out,
                                   gantry_buffer* error) {
    const std::string* value = nullptr;
    const auto code = find_config(host, text(key), error, value);
    if (value != nullptr) fill_buffer(out, *value);
    return code;
  }
  static gantry_code config_int(const gantry_host* host, gantry_slice key, int64_t* out, gantry_buffer* error) {
    const int64_t* value = nullptr;
    const auto code = find_config(host, text(key), error, value);
    if (value != nullptr) *out = *value;
    return code;
  }
  static gantry_code config_bool(const gantry_host* host, gantry_slice key, int32_t* out, gantry_buffer* error) {
    const bool* value = nullptr;
    const auto code = find_config(host, text(key), error, value);
    if (value != nullptr) *out = *value ? 1 : 0;
    return code;
  }
  static gantry_code config_strings(const gantry_host* host, gantry_slice key, gantry_buffer* out,
                                    gantry_buffer* error) {
    const std::vector<std::string>* value = nullptr;
    const auto code = find_config(host, text(key), error, value);
    if (value == nullptr) return code;
    abi::StringList list;
    for (const auto& item : *value) list.add_items(item);
    fill_buffer(out, list.SerializeAsString());
    return code;
  }
  static gantry_code config_daemon(const gantry_host* host, gantry_slice key, gantry_buffer* out,
                                   gantry_buffer* error) {
    return config_string(host, to_slice("daemon." + text(key)), out, error);
  }

  static const void* find_interface(const gantry_host* raw, const char* id) {
    static constexpr gantry_client client = {sizeof(gantry_client), &call, &call_async};
    static constexpr gantry_cache cache = {sizeof(gantry_cache), &cache_get, &cache_list, &cache_by_owner,
                                           &cache_by_index};
    static constexpr gantry_queue queue = {sizeof(gantry_queue), &queue_add, &queue_after};
    static constexpr gantry_events events = {sizeof(gantry_events), &record};
    static constexpr gantry_clock clock = {sizeof(gantry_clock),
                                           [](const gantry_host* host) -> int64_t { return self(host).now_ns; },
                                           [](const gantry_host* host) -> int64_t { return self(host).now_ns; }};
    static constexpr gantry_log log = {sizeof(gantry_log), &log_write, &log_enabled};
    static constexpr gantry_config config = {sizeof(gantry_config), &config_string,  &config_int,
                                             &config_bool,          &config_strings, &config_daemon};
    static constexpr gantry_timer timer = {
        sizeof(gantry_timer),
        [](const gantry_host* host, int64_t delay_ms, void (*fire)(void*), void* context) -> uint64_t {
          return self(host).timers.start(delay_ms, fire, context);
        },
        [](const gantry_host* host, uint64_t timer_id) { self(host).timers.cancel(timer_id); }};
    static constexpr gantry_tasks tasks = {
        sizeof(gantry_tasks), [](const gantry_host* host, void (*fn)(void*), void* context) -> gantry_code {
          return self(host).tasks.run(fn, context);
        }};
    static constexpr gantry_metrics metrics = {
        sizeof(gantry_metrics),
        [](const gantry_host* host, int32_t kind, gantry_slice name, gantry_slice, gantry_slice labels) -> uint64_t {
          return self(host).metrics.declare(kind, to_view(name), to_view(labels));
        },
        [](const gantry_host* host, uint64_t metric, double value) { self(host).metrics.record(metric, value); }};
    const std::string_view wanted(id);
    if (wanted == GANTRY_TIMER_ID) return &timer;
    if (wanted == GANTRY_TASKS_ID) return &tasks;
    if (wanted == GANTRY_METRICS_ID) return &metrics;
    if (wanted == GANTRY_LOG_ID) return &log;
    if (wanted == GANTRY_CONFIG_ID) return &config;
    if (wanted == GANTRY_CLIENT_ID) return &client;
    if (wanted == GANTRY_CACHE_ID) return &cache;
    if (wanted == GANTRY_QUEUE_ID) return &queue;
    if (wanted == GANTRY_EVENTS_ID) return &events;
    if (wanted == GANTRY_CLOCK_ID) return &clock;
    const auto& further = self(raw).interfaces;
    const auto it = further.find(wanted);
    return it == further.end() ? nullptr : it->second;
  }
};

}  // namespace gantry::testkit
