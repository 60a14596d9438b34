// An API whose watches a test plays by hand: what is written is answered at once, and seen when the test says. For
// tests.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/client/client.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace gantry::controller {

class PlayedApi {
 public:
  // Of any identity.
  std::unique_ptr<client::Client> client() { return std::make_unique<Face>(*this); }

  // An event for whoever watches M's resource, on this thread.
  template <typename M>
  void send(client::WatchEvent::Type type, M object) {
    std::function<void(client::WatchEvent)> event;
    {
      std::unique_lock lock(mutex_);
      const std::string resource(ResourceOf<M>::name.resource);
      ASSERT_TRUE(watched_.wait_for(lock, std::chrono::seconds(20), [&] { return watches_.contains(resource); }))
          << "nobody watches " << resource;
      if (object.metadata().resource_version().empty()) {
        object.mutable_metadata()->set_resource_version(std::to_string(++revision_));
      }
      event = watches_[resource].handler.event;
    }
    event({type, http::make_chunk(object.SerializeAsString())});
  }
  template <typename M>
  void add(const std::string& name) {
    send(client::WatchEvent::Type::kAdded, named<M>(name));
  }
  template <typename M>
  static M named(const std::string& name) {
    M object;
    object.mutable_metadata()->set_namespace_("ns");
    object.mutable_metadata()->set_name(name);
    object.mutable_metadata()->set_uid("uid-" + name);
    return object;
  }
  // Reads of what nobody made wait until here; they are refused then.
  void answer_reads() {
    std::vector<client::Done> kept;
    {
      const std::lock_guard lock(mutex_);
      kept.swap(kept_);
    }
    for (const auto& done : kept) done(Status::unavailable("late"));
  }
  // Config maps that were made, with their revisions.
  std::vector<corev1::ConfigMap> created() {
    const std::lock_guard lock(mutex_);
    return created_;
  }

 private:
  struct Watched {
    int number = 0;
    client::WatchHandler handler;
  };
  // Nobody watches once it is gone.
  class PlayedWatch : public client::Watch {
   public:
    PlayedWatch(PlayedApi& api, std::string resource, int number)
        : api_(api), resource_(std::move(resource)), number_(number) {}
    ~PlayedWatch() override {
      const std::lock_guard lock(api_.mutex_);
      const auto it = api_.watches_.find(resource_);
      if (it != api_.watches_.end() && it->second.number == number_) api_.watches_.erase(it);
    }

   private:
    PlayedApi& api_;
    const std::string resource_;
    const int number_;
  };
  class Face : public client::Client {
   public:
    explicit Face(PlayedApi& api) : api_(api) {}
    using Client::call;
    void call(client::ApiRequest request, client::Done done) override {
      if (request.verb() != client::ApiRequest::GET) return done(api_.answer(request));
      auto found = api_.read(request);
      found ? done(std::move(*found)) : api_.keep(std::move(done));
    }
    std::unique_ptr<client::Watch> watch(client::WatchRequest request, client::WatchHandler handler) override {
      const std::lock_guard lock(api_.mutex_);
      const auto number = ++api_.last_watch_;
      api_.watches_[request.resource] = {number, std::move(handler)};
      api_.watched_.notify_all();
      return std::make_unique<PlayedWatch>(api_, request.resource, number);
    }
    void list(client::WatchRequest, std::function<void(Expected<List>)> done) override { done(List{{}, "1"}); }

   private:
    PlayedApi& api_;
  };

  void keep(client::Done done) {
    const std::lock_guard lock(mutex_);
    kept_.push_back(std::move(done));
  }
  std::optional<client::ApiResponse> read(const client::ApiRequest& request) {
    const std::lock_guard lock(mutex_);
    for (const auto& made : created_) {
      if (made.metadata().name() != request.name()) continue;
      client::ApiResponse response;
      response.set_code(200);
      response.add_objects(made.SerializeAsString());
      return response;
    }
    return std::nullopt;
  }
  Expected<client::ApiResponse> answer(const client::ApiRequest& request) {
    if (request.verb() != client::ApiRequest::CREATE) return Status::unavailable("not played");
    const std::lock_guard lock(mutex_);
    auto& made = created_.emplace_back();
    made.ParseFromString(request.body());
    made.mutable_metadata()->set_namespace_(request.namespace_());
    made.mutable_metadata()->set_uid("made-" + std::to_string(created_.size()));
    made.mutable_metadata()->set_resource_version(std::to_string(++revision_));
    client::ApiResponse response;
    response.set_code(201);
    response.add_objects(made.SerializeAsString());
    return response;
  }

  std::mutex mutex_;
  std::condition_variable watched_;
  std::map<std::string, Watched> watches_;
  int last_watch_ = 0;
  std::vector<corev1::ConfigMap> created_;
  std::vector<client::Done> kept_;
  int64_t revision_ = 1;
};

}  // namespace gantry::controller
