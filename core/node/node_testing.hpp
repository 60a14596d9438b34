// For tests only: an API in memory that the parts of the node agent can be played against. [any-thread]
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/client/client.hpp"
#include "k8s.io/api/coordination/v1/lease.pb.h"
#include "k8s.io/api/core/v1/config.pb.h"
#include "k8s.io/api/core/v1/node.pb.h"

namespace gantry::node::testing {

class PlayedApi : public client::Client {
 public:
  using Client::call;

  // Puts an object there, as somebody else would; watchers hear of it.
  template <typename Message>
  Message put(const std::string& resource, Message object) {
    std::vector<client::WatchHandler> tell;
    std::string bytes;
    client::WatchEvent::Type type{};
    {
      const std::lock_guard lock(mutex_);
      object.mutable_metadata()->set_resource_version(std::to_string(++version_));
      if (object.metadata().uid().empty()) object.mutable_metadata()->set_uid("uid-" + object.metadata().name());
      bytes = object.SerializeAsString();
      const auto key = key_of(resource, object.metadata().namespace_(), object.metadata().name());
      type = objects_.contains(key) ? client::WatchEvent::Type::kModified : client::WatchEvent::Type::kAdded;
      objects_[key] = bytes;
      tell = watchers_locked(resource, object.metadata().name());
    }
    changed_.notify_all();
    for (const auto& handler : tell) handler.event({type, http::make_chunk(bytes)});
    return object;
  }

  void remove(const std::string& resource, const std::string& ns, const std::string& name) {
    std::vector<client::WatchHandler> tell;
    std::string bytes;
    {
      const std::lock_guard lock(mutex_);
      bytes = objects_[key_of(resource, ns, name)];
      objects_.erase(key_of(resource, ns, name));
      tell = watchers_locked(resource, name);
    }
    for (const auto& handler : tell) handler.event({client::WatchEvent::Type::kDeleted, http::make_chunk(bytes)});
  }

  template <typename Message>
  std::optional<Message> find(const std::string& resource, const std::string& ns, const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto it = objects_.find(key_of(resource, ns, name));
    if (it == objects_.end()) return std::nullopt;
    Message message;
    message.ParseFromString(it->second);
    return message;
  }

  // Waits until something that these functions see is so.
  bool wait(const std::function<bool()>& so) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!so()) {
      std::unique_lock lock(mutex_);
      if (std::chrono::steady_clock::now() > end) return false;
      changed_.wait_for(lock, std::chrono::milliseconds(20));
    }
    return true;
  }

  // Answers the next requests that this accepts with its Status instead.
  std::function<Status(const client::ApiRequest&)> refuse;
  int calls(client::ApiRequest::Verb verb) {
    const std::lock_guard lock(mutex_);
    return calls_[verb];
  }
  size_t watchers() {
    const std::lock_guard lock(mutex_);
    return watches_.size();
  }

  void call(client::ApiRequest request, client::Done done) override {
    Status refused;
    {
      const std::lock_guard lock(mutex_);
      ++calls_[request.verb()];
      if (refuse) refused = refuse(request);
    }
    if (!refused.ok()) return done(refused);
    if (request.resource() == "nodes") return done(answer<corev1::Node>(request));
    if (request.resource() == "leases") return done(answer<coordinationv1::Lease>(request));
    if (request.resource() == "secrets") return done(answer<corev1::Secret>(request));
    done(answer<corev1::ConfigMap>(request));
  }

  std::unique_ptr<client::Watch> watch(client::WatchRequest what, client::WatchHandler handler) override {
    const std::lock_guard lock(mutex_);
    const uint64_t id = ++version_;
    watches_[id] = {what, std::move(handler)};
    changed_.notify_all();
    return std::make_unique<PlayedWatch>(*this, id);
  }

  void list(client::WatchRequest what, std::function<void(Expected<List>)> done) override {
    List list;
    {
      const std::lock_guard lock(mutex_);
      const auto it = objects_.find(key_of(what.resource, what.ns, name_in(what)));
      if (it != objects_.end()) list.objects.push_back(http::make_chunk(it->second));
      list.resource_version = std::to_string(version_);
    }
    done(std::move(list));
  }

 private:
  class PlayedWatch : public client::Watch {
   public:
    PlayedWatch(PlayedApi& api, uint64_t id) : api_(api), id_(id) {}
    ~PlayedWatch() override {
      const std::lock_guard lock(api_.mutex_);
      api_.watches_.erase(id_);
    }

   private:
    PlayedApi& api_;
    const uint64_t id_;
  };

  static std::string key_of(const std::string& resource, const std::string& ns, const std::string& name) {
    return resource + "/" + ns + "/" + name;
  }
  static std::string name_in(const client::WatchRequest& what) {
    return what.field_selector.substr(std::string("metadata.name=").size());
  }
  std::vector<client::WatchHandler> watchers_locked(const std::string& resource, const std::string& name) {
    std::vector<client::WatchHandler> out;
    for (const auto& [id, watch] : watches_) {
      if (watch.first.resource == resource && name_in(watch.first) == name) out.push_back(watch.second);
    }
    return out;
  }

  template <typename Message>
  Expected<client::ApiResponse> answer(const client::ApiRequest& request) {
    const auto text = request.resource() + " \"" + request.name() + "\"";
    Message now, body;
    body.ParseFromString(request.body());
    const auto name = request.name().empty() ? body.metadata().name() : request.name();
    const auto there = find<Message>(request.resource(), request.namespace_(), name);
    client::ApiResponse response;
    if (request.verb() == client::ApiRequest::CREATE) {
      if (there) return Status::already_exists(text + " already exists");
      now = put(request.resource(), body);
    } else if (!there) {
      return Status::not_found(text + " not found");
    } else if (request.verb() == client::ApiRequest::UPDATE) {
      if (body.metadata().resource_version() != there->metadata().resource_version()) {
        return Status::conflict("the object has been modified");
      }
      now = put(request.resource(), body);
    } else {
      now = *there;
    }
    response.set_code(200);
    response.add_objects(now.SerializeAsString());
    return response;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t version_ = 0;
  std::map<std::string, std::string> objects_;
  std::map<uint64_t, std::pair<client::WatchRequest, client::WatchHandler>> watches_;
  std::map<int, int> calls_;
};

}  // namespace gantry::node::testing
