// The host's interfaces as C++: what a plugin may ask of the daemon.
//
// A Host is a light handle, copied freely, valid between create and destroy. An interface that the host does not have
// shows as a failure of the call, never as a crash. Threads: see the abi/ header of each interface.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/abi.pb.h"
#include "gantry/abi/cache.h"
#include "gantry/abi/client.h"
#include "gantry/abi/clock.h"
#include "gantry/abi/config.h"
#include "gantry/abi/draft/calls.h"
#include "gantry/abi/events.h"
#include "gantry/abi/log.h"
#include "gantry/abi/metrics.h"
#include "gantry/abi/queue.h"
#include "gantry/abi/tasks.h"
#include "gantry/abi/timer.h"
#include "gantry/bytes.hpp"
#include "gantry/resource.hpp"
#include "gantry/status.hpp"
#include "gantry/status_proto.hpp"
#include "gantry/timer.hpp"
#include "k8s.io/api/core/v1/reference.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/options.pb.h"

namespace gantry::sdk {

using ApiRequest = gantry::abi::ApiRequest;
using ApiResponse = gantry::abi::ApiResponse;

class Host {
 public:
  explicit Host(const gantry_host* host) : host_(host) {}
  const gantry_host* raw() const { return host_; }

  // Log.
  void debug(std::string_view text) const { log(GANTRY_LOG_DEBUG, text); }
  void info(std::string_view text) const { log(GANTRY_LOG_INFO, text); }
  void warn(std::string_view text) const { log(GANTRY_LOG_WARN, text); }
  void error(std::string_view text) const { log(GANTRY_LOG_ERROR, text); }
  void log(int32_t level, std::string_view text) const {
    if (const auto* table = get<gantry_log>(GANTRY_LOG_ID)) table->write(host_, level, to_slice(text));
  }

  // Metrics, in the daemon's /metrics with a label plugin="NAME": a handle by kind (GANTRY_METRIC_...), name, help and
  // constant labels ("a=\"x\""). 0 when the host refuses or lacks it, and recording 0 does nothing.
  uint64_t metric(int32_t kind, std::string_view name, std::string_view help, std::string_view labels = {}) const {
    const auto* table = get<gantry_metrics>(GANTRY_METRICS_ID);
    return table == nullptr ? 0 : table->declare(host_, kind, to_slice(name), to_slice(help), to_slice(labels));
  }
  void record(uint64_t metric, double value) const {
    if (const auto* table = get<gantry_metrics>(GANTRY_METRICS_ID)) table->record(host_, metric, value);
  }

  // Configuration: the value of a key, or the default when the key is absent; an error when its type is wrong.
  Expected<std::string> config_string(std::string_view key, std::string_view otherwise) const {
    const auto* table = get<gantry_config>(GANTRY_CONFIG_ID);
    if (table == nullptr) return std::string(otherwise);
    Buffer value, failure;
    const auto code = table->get_string(host_, to_slice(key), value.out(), failure.out());
    if (code == 404) return std::string(otherwise);
    if (code != 0) return status_of(code, failure.view());
    return std::string(value.view());
  }
  Expected<int64_t> config_int(std::string_view key, int64_t otherwise) const {
    const auto* table = get<gantry_config>(GANTRY_CONFIG_ID);
    if (table == nullptr) return otherwise;
    int64_t value = otherwise;
    Buffer failure;
    const auto code = table->get_int(host_, to_slice(key), &value, failure.out());
    if (code != 0 && code != 404) return status_of(code, failure.view());
    return value;
  }
  Expected<bool> config_bool(std::string_view key, bool otherwise) const {
    const auto* table = get<gantry_config>(GANTRY_CONFIG_ID);
    if (table == nullptr) return otherwise;
    int32_t value = otherwise ? 1 : 0;
    Buffer failure;
    const auto code = table->get_bool(host_, to_slice(key), &value, failure.out());
    if (code != 0 && code != 404) return status_of(code, failure.view());
    return value != 0;
  }
  Expected<std::vector<std::string>> config_strings(std::string_view key, std::vector<std::string> otherwise) const {
    const auto* table = get<gantry_config>(GANTRY_CONFIG_ID);
    if (table == nullptr) return otherwise;
    Buffer value, failure;
    const auto code = table->get_strings(host_, to_slice(key), value.out(), failure.out());
    if (code == 404) return otherwise;
    if (code != 0) return status_of(code, failure.view());
    gantry::abi::StringList list;
    list.ParseFromArray(value.view().data(), static_cast<int>(value.view().size()));
    return std::vector<std::string>(list.items().begin(), list.items().end());
  }
  // "data_dir", "run_dir", ...: see abi/config.h. Empty when unknown.
  std::string daemon(std::string_view key) const {
    const auto* table = get<gantry_config>(GANTRY_CONFIG_ID);
    if (table == nullptr) return {};
    Buffer value, failure;
    if (table->get_daemon(host_, to_slice(key), value.out(), failure.out()) != 0) return {};
    return std::string(value.view());
  }

  // Clock. Without a host clock, the epoch: a plugin never reads the machine's clock itself.
  int64_t now_unix_ns() const {
    const auto* table = get<gantry_clock>(GANTRY_CLOCK_ID);
    return table == nullptr ? 0 : table->now_unix_ns(host_);
  }
  int64_t monotonic_ns() const {
    const auto* table = get<gantry_clock>(GANTRY_CLOCK_ID);
    return table == nullptr ? 0 : table->monotonic_ns(host_);
  }

  // API client. Blocks; [worker] only.
  Expected<ApiResponse> call(const ApiRequest& request) const {
    const auto* table = get<gantry_client>(GANTRY_CLIENT_ID);
    if (table == nullptr) return Status::unavailable("this host offers no API client");
    Buffer response, failure;
    const auto code = table->call(host_, to_slice(request.SerializeAsString()), response.out(), failure.out());
    if (code != 0) return status_of(code, failure.view());
    ApiResponse answer;
    if (!answer.ParseFromArray(response.view().data(), static_cast<int>(response.view().size()))) {
      return Status::internal("the host's API answer could not be decoded");
    }
    return answer;
  }
  // Makes all requests at once and waits for all: the server commits them together. Answers in the order of the
  // requests.
  std::vector<Expected<ApiResponse>> call_all(const std::vector<ApiRequest>& requests) const {
    if (get<gantry_calls>(GANTRY_CALLS_ID) != nullptr) return call_all_at_once(requests);
    struct Wait {
      std::mutex mutex;
      std::condition_variable all;
      size_t open;
    };
    struct One {
      Wait* wait;
      Expected<ApiResponse> answer = Status::unavailable("this host offers no API client");
    };
    Wait wait{.open = requests.size()};
    std::vector<One> calls(requests.size(), One{&wait});
    const auto done = [](void* context, gantry_code code, gantry_slice response, gantry_slice error) {
      auto& one = *static_cast<One*>(context);
      ApiResponse answer;
      if (code != 0) {
        one.answer = status_of(code, to_view(error));
      } else if (answer.ParseFromArray(response.data, static_cast<int>(response.size))) {
        one.answer = std::move(answer);
      } else {
        one.answer = Status::internal("the host's API answer could not be decoded");
      }
      Wait& waiting = *one.wait;
      const std::lock_guard lock(waiting.mutex);
      if (--waiting.open == 0) waiting.all.notify_all();
    };
    const auto* table = get<gantry_client>(GANTRY_CLIENT_ID);
    for (size_t i = 0; table != nullptr && i < requests.size(); ++i) {
      table->call_async(host_, to_slice(requests[i].SerializeAsString()), done, &calls[i]);
    }
    if (table != nullptr) {
      std::unique_lock lock(wait.mutex);
      wait.all.wait(lock, [&] { return wait.open == 0; });
    }
    std::vector<Expected<ApiResponse>> answers;
    for (auto& one : calls) answers.push_back(std::move(one.answer));
    return answers;
  }
  template <typename Message>
  Expected<Message> get_object(std::string_view ns, std::string_view name) const {
    return object<Message>(call(request_for<Message>(ApiRequest::GET, ns, name)));
  }
  template <typename Message>
  Expected<Message> create(std::string_view ns, const Message& wanted) const {
    auto request = request_for<Message>(ApiRequest::CREATE, ns, "");
    request.set_body(wanted.SerializeAsString());
    return object<Message>(call(request));
  }
  // `subresource` "status" for a status update. Conflicts when the resourceVersion in `wanted` is not the newest.
  template <typename Message>
  Expected<Message> update(const Message& wanted, std::string_view subresource = {}) const {
    auto request = request_for<Message>(ApiRequest::UPDATE, wanted.metadata().namespace_(), wanted.metadata().name());
    request.set_subresource(std::string(subresource));
    request.set_body(wanted.SerializeAsString());
    return object<Message>(call(request));
  }
  template <typename Message>
  Expected<Message> patch(std::string_view ns, std::string_view name, std::string json,
                          ApiRequest::PatchType type = ApiRequest::MERGE_PATCH,
                          std::string_view subresource = {}) const {
    auto request = request_for<Message>(ApiRequest::PATCH, ns, name);
    request.set_patch_type(type);
    request.set_subresource(std::string(subresource));
    request.set_body(std::move(json));
    return object<Message>(call(request));
  }
  template <typename Message>
  Status remove(std::string_view ns, std::string_view name, const metav1::DeleteOptions& options = {}) const {
    auto request = request_for<Message>(ApiRequest::DELETE, ns, name);
    request.set_body(options.SerializeAsString());
    auto answer = call(request);
    return answer ? Status() : std::move(answer).error();
  }

  // Caches of what this controller watches. An object or null; decoded, owned by the caller.
  template <typename Message>
  std::optional<Message> cached(std::string_view ns, std::string_view name) const {
    const auto* table = get<gantry_cache>(GANTRY_CACHE_ID);
    if (table == nullptr) return std::nullopt;
    const auto resource = resource_of<Message>();
    Buffer found;
    if (table->get(host_, &resource, to_slice(ns), to_slice(name), found.out()) != 0) return std::nullopt;
    Message message;
    if (!message.ParseFromArray(found.view().data(), static_cast<int>(found.view().size()))) return std::nullopt;
    return message;
  }
  template <typename Message>
  Expected<std::vector<Message>> cached_list(std::string_view ns, std::string_view selector = {}) const {
    const auto* table = get<gantry_cache>(GANTRY_CACHE_ID);
    if (table == nullptr) return Status::unavailable("this host offers no caches");
    const auto resource = resource_of<Message>();
    std::vector<Message> found;
    Buffer failure;
    const auto code =
        table->list(host_, &resource, to_slice(ns), to_slice(selector), &Host::collect<Message>, &found, failure.out());
    if (code != 0) return status_of(code, failure.view());
    return found;
  }
  template <typename Message>
  std::vector<Message> cached_by_owner(std::string_view uid) const {
    std::vector<Message> found;
    const auto* table = get<gantry_cache>(GANTRY_CACHE_ID);
    if (table == nullptr) return found;
    const auto resource = resource_of<Message>();
    table->by_owner(host_, &resource, to_slice(uid), &Host::collect<Message>, &found);
    return found;
  }
  // Objects whose field has a value, without a look at the others; which fields: see abi/cache.h. 501 from a host of
  // before there were indexes.
  template <typename Message>
  Expected<std::vector<Message>> cached_by_index(std::string_view index, std::string_view value,
                                                 std::string_view ns = {}, std::string_view selector = {}) const {
    const auto* table = get<gantry_cache>(GANTRY_CACHE_ID);
    if (table == nullptr) return Status::unavailable("this host offers no caches");
    if (table->size < sizeof(gantry_cache)) return Status(501, "NotImplemented", "this host offers no indexes");
    const auto resource = resource_of<Message>();
    std::vector<Message> found;
    Buffer failure;
    const auto code = table->by_index(host_, &resource, to_slice(index), to_slice(value), to_slice(ns),
                                      to_slice(selector), &Host::collect<Message>, &found, failure.out());
    if (code != 0) return status_of(code, failure.view());
    return found;
  }

  // Queue of this controller.
  void enqueue(std::string_view ns, std::string_view name) const {
    if (const auto* table = get<gantry_queue>(GANTRY_QUEUE_ID)) table->add(host_, to_slice(ns), to_slice(name));
  }
  void enqueue_after(std::string_view ns, std::string_view name, int64_t delay_ms) const {
    if (const auto* table = get<gantry_queue>(GANTRY_QUEUE_ID)) {
      table->add_after(host_, to_slice(ns), to_slice(name), delay_ms);
    }
  }

  // An Event about an object. `kind` and `api_version` because objects of typed clients carry none.
  template <typename Message>
  void event(const Message& object, std::string_view api_version, std::string_view kind, std::string_view type,
             std::string_view reason, std::string_view message) const {
    const auto* table = get<gantry_events>(GANTRY_EVENTS_ID);
    if (table == nullptr) return;
    corev1::ObjectReference regarding;
    regarding.set_api_version(std::string(api_version));
    regarding.set_kind(std::string(kind));
    regarding.set_namespace_(object.metadata().namespace_());
    regarding.set_name(object.metadata().name());
    regarding.set_uid(object.metadata().uid());
    regarding.set_resource_version(object.metadata().resource_version());
    table->record(host_, to_slice(regarding.SerializeAsString()), to_slice(type), to_slice(reason), to_slice(message));
  }

  // Runs fn once after delay_ms, or every interval_ms from then on, for as long as what is returned lives; see
  // timer.hpp for what fn may do. On the host's clock, so a test or a simulation moves it. False when the host offers
  // no timers or has too many of this plugin's.
  [[nodiscard]] Timer after(int64_t delay_ms, std::function<void()> fn) const {
    return {host_, get<gantry_timer>(GANTRY_TIMER_ID), delay_ms, 0, std::move(fn)};
  }
  [[nodiscard]] Timer every(int64_t interval_ms, std::function<void()> fn) const {
    if (interval_ms <= 0) return {};
    return {host_, get<gantry_timer>(GANTRY_TIMER_ID), interval_ms, interval_ms, std::move(fn)};
  }

  // Runs fn on one of the host's workers, where it may block; an error when too much waits.
  Status run_task(std::function<void()> fn) const {
    const auto* table = get<gantry_tasks>(GANTRY_TASKS_ID);
    if (table == nullptr) return Status::unavailable("this host offers no tasks");
    auto owned = std::make_unique<std::function<void()>>(std::move(fn));
    const auto code = table->run(
        host_,
        [](void* context) {
          const std::unique_ptr<std::function<void()>> task(static_cast<std::function<void()>*>(context));
          (*task)();
        },
        owned.get());
    if (code != 0) return status_of(code, {});
    owned.release();
    return {};
  }

  template <typename Table>
  const Table* get(const char* id) const {
    return static_cast<const Table*>(host_->get_interface(host_, id));
  }

  template <typename Message>
  static ApiRequest request_for(ApiRequest::Verb verb, std::string_view ns, std::string_view name) {
    constexpr auto resource = ResourceOf<Message>::name;
    ApiRequest request;
    request.set_verb(verb);
    request.set_group(std::string(resource.group));
    request.set_version(std::string(resource.version));
    request.set_resource(std::string(resource.resource));
    request.set_namespace_(std::string(ns));
    request.set_name(std::string(name));
    return request;
  }

 private:
  // The host waits, and knows that it does.
  std::vector<Expected<ApiResponse>> call_all_at_once(const std::vector<ApiRequest>& requests) const {
    std::vector<Expected<ApiResponse>> answers(requests.size(), Status::unavailable("the host did not answer"));
    std::vector<std::string> bytes;
    std::vector<gantry_slice> slices;
    std::vector<void*> contexts;
    for (size_t i = 0; i < requests.size(); ++i) {
      bytes.push_back(requests[i].SerializeAsString());
      contexts.push_back(&answers[i]);
    }
    for (const auto& one : bytes) slices.push_back(to_slice(one));
    const auto done = [](void* context, gantry_code code, gantry_slice response, gantry_slice error) {
      auto& answer = *static_cast<Expected<ApiResponse>*>(context);
      ApiResponse message;
      if (code != 0) {
        answer = status_of(code, to_view(error));
      } else if (message.ParseFromArray(response.data, static_cast<int>(response.size))) {
        answer = std::move(message);
      } else {
        answer = Status::internal("the host's API answer could not be decoded");
      }
    };
    get<gantry_calls>(GANTRY_CALLS_ID)->call_all(host_, slices.data(), contexts.data(), slices.size(), done);
    return answers;
  }
  template <typename Message>
  static gantry_resource resource_of() {
    constexpr auto resource = ResourceOf<Message>::name;
    return {to_slice(resource.group), to_slice(resource.version), to_slice(resource.resource)};
  }
  template <typename Message>
  static int32_t collect(void* context, gantry_slice object) {
    Message message;
    if (message.ParseFromArray(object.data, static_cast<int>(object.size))) {
      static_cast<std::vector<Message>*>(context)->push_back(std::move(message));
    }
    return 0;
  }
  template <typename Message>
  static Expected<Message> object(Expected<ApiResponse> answer) {
    if (!answer) return std::move(answer).error();
    Message message;
    if (answer->objects_size() != 1 || !message.ParseFromString(answer->objects(0))) {
      return Status::internal("the server's object could not be decoded");
    }
    return message;
  }

  const gantry_host* host_;
};

}  // namespace gantry::sdk
