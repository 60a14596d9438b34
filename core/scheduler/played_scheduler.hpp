// The scheduler against a played API, for its tests: pods come by watch, bindings are answered by the test.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/plugin/timers.hpp"
#include "core/scheduler/scheduler.hpp"
#include "k8s.io/api/core/v1/binding.pb.h"

namespace gantry::scheduler {

using client::WatchEvent;

class PlayedClient : public client::Client {
 public:
  using Client::call;
  void call(client::ApiRequest request, client::Done done) override {
    std::unique_lock lock(mutex);
    if (request.subresource() == "binding") {
      corev1::Binding binding;
      binding.ParseFromString(request.body());
      bindings.emplace_back(request.name(), binding.target().name());
      const auto status = refuse;
      refuse = {};
      changed.notify_all();
      changed.wait(lock, [&] { return !hold; });
      if (defer) {
        deferred = std::move(done);
        changed.notify_all();
        return;
      }
      lock.unlock();
      if (status.ok())
        done(client::ApiResponse());
      else
        done(status);
      return;
    }
    if (request.verb() == client::ApiRequest::DELETE)
      deleted.push_back(request.name());
    else
      patches.push_back(request.body());
    auto& refusal = request.body().find("DisruptionTarget") == std::string::npos ? refuse_patch : refuse_eviction;
    const auto status = refusal;
    refusal = {};
    changed.notify_all();
    lock.unlock();
    status.ok() ? done(client::ApiResponse()) : done(status);
  }
  std::unique_ptr<client::Watch> watch(client::WatchRequest what, client::WatchHandler handler) override {
    const std::lock_guard lock(mutex);
    handlers[what.resource] = std::move(handler);
    changed.notify_all();
    return std::make_unique<client::Watch>();
  }
  void list(client::WatchRequest what, std::function<void(Expected<List>)> done) override {
    List found;
    {
      const std::lock_guard lock(mutex);
      if (what.resource == "pods") found.objects = pods;
      ++lists[what.resource];
    }
    found.resource_version = "1";
    done(std::move(found));
  }

  template <typename Message>
  void send(const std::string& resource, WatchEvent::Type type, const Message& message) {
    client::WatchHandler handler;
    {
      std::unique_lock lock(mutex);
      ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(10), [&] { return handlers.contains(resource); }));
      handler = handlers[resource];
    }
    handler.event({type, http::make_chunk(message.SerializeAsString())});
  }
  bool wait_bindings(size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10), [&] { return bindings.size() >= count; });
  }
  bool wait(const std::function<bool()>& so) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10), so);
  }
  bool wait_patches(size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(10), [&] { return patches.size() >= count; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, client::WatchHandler> handlers;
  std::vector<std::pair<std::string, std::string>> bindings;
  std::vector<std::string> patches, deleted;
  Status refuse, refuse_patch, refuse_eviction;
  bool hold = false;   // who binds
  bool defer = false;  // the answer
  client::Done deferred;
  std::vector<client::Object> pods;  // that a list gives
  std::map<std::string, int> lists;
};

struct SchedulerTest : testing::Test {
  void SetUp() override {
    SchedulerOptions options;
    options.client = &client;
    options.clock = &clock;
    options.schedule = [this](int64_t delay, std::function<void()> fn) { timers.start(delay, std::move(fn)); };
    options.record_event = [this](std::string_view, std::string_view, std::string_view reason,
                                  std::string_view message) {
      const std::lock_guard lock(client.mutex);
      events.push_back(std::string(reason) + ": " + std::string(message));
      client.changed.notify_all();
    };
    options.log = [this](int32_t, std::string_view text) {
      const std::lock_guard lock(client.mutex);
      log.emplace_back(text);
      client.changed.notify_all();
    };
    scheduler = std::make_unique<Scheduler>(std::move(options));
    scheduler->start();
  }
  void add_node(const std::string& name, const std::string& cpu) {
    corev1::Node node;
    node.mutable_metadata()->set_name(name);
    auto& free = *node.mutable_status()->mutable_allocatable();
    free["cpu"].set_string(cpu);
    free["memory"].set_string("8Gi");
    free["pods"].set_string("110");
    client.send("nodes", WatchEvent::Type::kAdded, node);
  }
  static corev1::Pod pod(const std::string& name, const std::string& cpu) {
    corev1::Pod pod;
    pod.mutable_metadata()->set_namespace_("default");
    pod.mutable_metadata()->set_name(name);
    pod.mutable_metadata()->set_uid("uid-" + name);
    pod.mutable_metadata()->set_generation(1);
    (*pod.mutable_spec()->add_containers()->mutable_resources()->mutable_requests())["cpu"].set_string(cpu);
    return pod;
  }

  plugin::SystemClock clock;
  plugin::Timers timers{clock};
  PlayedClient client;
  std::vector<std::string> events, log;
  std::unique_ptr<Scheduler> scheduler;
};

}  // namespace gantry::scheduler
