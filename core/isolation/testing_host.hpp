// A gantry_host for the tests of isolation: notes what it is asked, answers what the test says. Any thread.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "gantry/abi/metrics.h"
#include "gantry/host.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace gantry::isolation {

class TestingHost {
 public:
  using Answer = Expected<abi::ApiResponse>;

  TestingHost() : host{sizeof(gantry_host), 1, 0, this, &TestingHost::find_interface} {}
  ~TestingHost() {
    for (auto& thread : threads_) thread.join();
  }
  TestingHost(const TestingHost&) = delete;
  TestingHost& operator=(const TestingHost&) = delete;

  static Answer object(const corev1::ConfigMap& map) {
    abi::ApiResponse response;
    response.set_code(200);
    response.add_objects(map.SerializeAsString());
    return response;
  }
  static corev1::ConfigMap named(const std::string& name) {
    corev1::ConfigMap map;
    map.mutable_metadata()->set_name(name);
    return map;
  }

  // Waits until a note of exactly this text was made.
  void wait_for(const std::string& text) {
    std::unique_lock lock(mutex_);
    noted_.wait(lock, [&] { return std::find(notes_.begin(), notes_.end(), text) != notes_.end(); });
  }
  std::vector<std::string> notes() {
    const std::lock_guard lock(mutex_);
    return notes_;
  }
  void note(std::string text) {
    const std::lock_guard lock(mutex_);
    notes_.push_back(std::move(text));
    noted_.notify_all();
  }
  // Waits until so many asynchronous calls are answered.
  void wait_answered(size_t count) {
    std::unique_lock lock(mutex_);
    noted_.wait(lock, [&] { return answered_ >= count; });
  }
  // Fires every timer that is not cancelled.
  void fire_timers() {
    std::map<uint64_t, std::function<void()>> due;
    {
      const std::lock_guard lock(mutex_);
      due.swap(timers_);
    }
    for (const auto& [id, fire] : due) fire();
  }
  size_t timers() {
    const std::lock_guard lock(mutex_);
    return timers_.size();
  }

  std::function<Answer(const abi::ApiRequest&)> api = [](const abi::ApiRequest& request) {
    return object(named(request.name()));
  };
  std::map<std::string, std::string> config;
  std::vector<std::string> cache;  // serialized, all named, in namespace "ns"
  int64_t now_ns = 1'700'000'000'000'000'000;
  gantry_host host;

 private:
  static TestingHost& self(const gantry_host* host) { return *static_cast<TestingHost*>(host->context); }
  static std::string text(gantry_slice slice) { return std::string(to_view(slice)); }

  static gantry_code call(const gantry_host* host, gantry_slice bytes, gantry_buffer* response, gantry_buffer* error) {
    abi::ApiRequest request;
    request.ParseFromArray(bytes.data, static_cast<int>(bytes.size));
    if (request.name().empty() && !request.body().empty()) {
      corev1::ConfigMap body;
      body.ParseFromString(request.body());
      request.set_name(body.metadata().name());
    }
    const auto answer = self(host).api(request);
    if (!answer) return fail(answer.error(), error);
    fill_buffer(response, answer->SerializeAsString());
    return 0;
  }
  static void call_async(const gantry_host* host, gantry_slice request, gantry_call_done done, void* context) {
    const std::lock_guard lock(self(host).mutex_);
    self(host).threads_.emplace_back([host, bytes = text(request), done, context] {
      Buffer response, error;
      const auto code = call(host, to_slice(bytes), response.out(), error.out());
      done(context, code, to_slice(response.view()), to_slice(error.view()));
      const std::lock_guard counted(self(host).mutex_);
      ++self(host).answered_;
      self(host).noted_.notify_all();
    });
  }
  static gantry_code cache_get(const gantry_host* host, const gantry_resource*, gantry_slice, gantry_slice name,
                               gantry_buffer* object) {
    for (const auto& bytes : self(host).cache) {
      corev1::ConfigMap map;
      map.ParseFromString(bytes);
      if (map.metadata().name() != to_view(name)) continue;
      fill_buffer(object, bytes);
      return 0;
    }
    return 404;
  }
  static gantry_code cache_list(const gantry_host* host, const gantry_resource*, gantry_slice, gantry_slice,
                                gantry_visit visit, void* context, gantry_buffer*) {
    self(host).note("list");
    for (const auto& bytes : self(host).cache) visit(context, to_slice(bytes));
    return 0;
  }
  static gantry_code cache_by_owner(const gantry_host* host, const gantry_resource*, gantry_slice, gantry_visit visit,
                                    void* context) {
    if (!self(host).cache.empty()) visit(context, to_slice(self(host).cache.front()));
    return 0;
  }
  static gantry_code cache_by_index(const gantry_host* host, const gantry_resource*, gantry_slice index,
                                    gantry_slice value, gantry_slice ns, gantry_slice selector, gantry_visit visit,
                                    void* context, gantry_buffer* error) {
    self(host).note("by_index " + text(index) + " " + text(value) + " " + text(ns) + " " + text(selector));
    if (to_view(index) != "metadata.controller") return fail(Status::bad_request("no such index"), error);
    for (const auto& bytes : self(host).cache) visit(context, to_slice(bytes));
    return 0;
  }
  static uint64_t timer_start(const gantry_host* host, int64_t, void (*fire)(void*), void* context) {
    const std::lock_guard lock(self(host).mutex_);
    self(host).timers_[++self(host).last_timer_] = [fire, context] { fire(context); };
    return self(host).last_timer_;
  }
  static void timer_cancel(const gantry_host* host, uint64_t id) {
    const std::lock_guard lock(self(host).mutex_);
    self(host).timers_.erase(id);
  }
  static gantry_code config_string(const gantry_host* host, gantry_slice key, gantry_buffer* value, gantry_buffer*) {
    const auto it = self(host).config.find(text(key));
    if (it == self(host).config.end()) return 404;
    fill_buffer(value, it->second);
    return 0;
  }

  static const void* find_interface(const gantry_host*, const char* id) {
    static constexpr gantry_log log = {
        sizeof(gantry_log),
        [](const gantry_host* host, int32_t, gantry_slice line) { self(host).note("log " + text(line)); },
        [](const gantry_host*, int32_t level) -> int32_t { return level >= GANTRY_LOG_INFO ? 1 : 0; }};
    static constexpr gantry_config config_table = {
        sizeof(gantry_config),
        &config_string,
        [](const gantry_host*, gantry_slice, int64_t*, gantry_buffer*) -> gantry_code { return 404; },
        [](const gantry_host*, gantry_slice, int32_t*, gantry_buffer*) -> gantry_code { return 404; },
        &config_string,
        &config_string};
    static constexpr gantry_clock clock = {sizeof(gantry_clock),
                                           [](const gantry_host* host) { return self(host).now_ns; },
                                           [](const gantry_host* host) { return self(host).now_ns; }};
    static constexpr gantry_timer timer = {sizeof(gantry_timer), &timer_start, &timer_cancel};
    static constexpr gantry_metrics metrics = {
        sizeof(gantry_metrics),
        [](const gantry_host*, int32_t, gantry_slice, gantry_slice, gantry_slice) -> uint64_t { return 17; },
        [](const gantry_host* host, uint64_t metric, double value) {
          self(host).note("metric " + std::to_string(metric) + " " + std::to_string(value));
        }};
    static constexpr gantry_client client = {sizeof(gantry_client), &call, &call_async};
    static constexpr gantry_cache caches = {sizeof(gantry_cache), &cache_get, &cache_list, &cache_by_owner,
                                            &cache_by_index};
    static constexpr gantry_queue queue = {
        sizeof(gantry_queue),
        [](const gantry_host* host, gantry_slice ns, gantry_slice name) {
          self(host).note("queue " + text(ns) + "/" + text(name));
        },
        [](const gantry_host* host, gantry_slice ns, gantry_slice name, int64_t delay) {
          self(host).note("queue " + text(ns) + "/" + text(name) + " " + std::to_string(delay));
        }};
    static constexpr gantry_events events = {
        sizeof(gantry_events),
        [](const gantry_host* host, gantry_slice, gantry_slice type, gantry_slice reason, gantry_slice message) {
          self(host).note("event " + text(type) + " " + text(reason) + " " + text(message));
        }};
    static constexpr gantry_tasks tasks = {sizeof(gantry_tasks), nullptr};  // run over there
    const std::map<std::string_view, const void*> tables = {
        {GANTRY_LOG_ID, &log},      {GANTRY_CONFIG_ID, &config_table}, {GANTRY_CLOCK_ID, &clock},
        {GANTRY_TIMER_ID, &timer},  {GANTRY_METRICS_ID, &metrics},     {GANTRY_CLIENT_ID, &client},
        {GANTRY_CACHE_ID, &caches}, {GANTRY_QUEUE_ID, &queue},         {GANTRY_EVENTS_ID, &events},
        {GANTRY_TASKS_ID, &tasks}};
    const auto it = tables.find(id);
    return it == tables.end() ? nullptr : it->second;
  }

  std::mutex mutex_;
  std::condition_variable noted_;
  std::vector<std::string> notes_;
  std::map<uint64_t, std::function<void()>> timers_;
  uint64_t last_timer_ = 0;
  size_t answered_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace gantry::isolation
