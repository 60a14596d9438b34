// For tests only: an API of which the test says what it lists, sends and refuses, and timers that it fires.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "core/client/client.hpp"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/reference.pb.h"

namespace gantry::network {

class PlayedClient : public client::Client {
 public:
  using Client::call;
  void call(client::ApiRequest request, client::Done done) override {
    auto said = "PATCH " + request.name();
    if (!request.subresource().empty()) said += "/" + request.subresource();
    requests.push_back(said + " " + request.body());
    if (refusal.ok()) return done(answer);
    done(refusal);
  }
  std::unique_ptr<client::Watch> watch(client::WatchRequest, client::WatchHandler handler) override {
    handler_ = std::move(handler);
    return std::make_unique<client::Watch>();
  }
  void list(client::WatchRequest, std::function<void(Expected<List>)> done) override { done(first); }
  void send(client::WatchEvent::Type type, client::Object object) { handler_.event({type, std::move(object)}); }
  void end_watch(const Status& why) { std::exchange(handler_, {}).ended(why); }
  // The watch ends as expired, and another list comes.
  void relist(List next) {
    first = std::move(next);
    end_watch(Status::expired("too old"));
    fire();
  }

  std::function<void(int64_t, std::function<void()>)> scheduler() {
    return [this](int64_t delay, std::function<void()> fn) {
      const std::lock_guard lock(mutex_);
      timers_.emplace_back(delay, std::move(fn));
    };
  }
  // How long the timers that run were to wait.
  std::vector<int64_t> waiting() const {
    const std::lock_guard lock(mutex_);
    std::vector<int64_t> delays;
    for (const auto& timer : timers_) delays.push_back(timer.first);
    return delays;
  }
  bool has_timer(int64_t delay) const {
    const auto delays = waiting();
    return std::find(delays.begin(), delays.end(), delay) != delays.end();
  }
  // Fires all that run now, those of this delay alone, or all others.
  void fire() {
    fire_if([](int64_t) { return true; });
  }
  bool fire_one(int64_t delay) {
    return fire_if([&](int64_t other) { return other == delay; });
  }
  bool fire_but(int64_t delay) {
    return fire_if([&](int64_t other) { return other != delay; });
  }

  List first;
  client::ApiResponse answer;  // of the next calls
  Status refusal;              // the same, unless it is ok
  std::vector<std::string> requests;

 private:
  bool fire_if(const std::function<bool(int64_t)>& which) {
    std::vector<std::pair<int64_t, std::function<void()>>> due;
    {
      const std::lock_guard lock(mutex_);
      for (auto& timer : std::exchange(timers_, {})) (which(timer.first) ? due : timers_).push_back(std::move(timer));
    }
    for (auto& timer : due) timer.second();
    return !due.empty();
  }

  client::WatchHandler handler_;
  mutable std::mutex mutex_;
  std::vector<std::pair<int64_t, std::function<void()>>> timers_;
};

inline client::Object played_node(const std::string& name, const std::vector<std::string>& ranges = {},
                                  bool marked = false, const std::string& uid = {}, const std::string& version = {}) {
  k8s::io::api::core::v1::Node message;
  message.mutable_metadata()->set_name(name);
  message.mutable_metadata()->set_uid(uid.empty() ? "uid-" + name : uid);
  message.mutable_metadata()->set_resource_version(version);
  for (const auto& range : ranges) message.mutable_spec()->add_pod_cidrs(range);
  if (!ranges.empty()) message.mutable_spec()->set_pod_cidr(ranges.front());
  if (marked) {
    auto& condition = *message.mutable_status()->add_conditions();
    condition.set_type("NetworkUnavailable");
    condition.set_status("True");
    condition.set_reason("CIDRNotAvailable");
  }
  return http::make_chunk(message.SerializeAsString());
}

}  // namespace gantry::network
