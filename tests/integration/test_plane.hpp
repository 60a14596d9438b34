// The daemon's control plane in the test's own process, with the real plugin files: its store in a temporary folder, on
// simulated time where wanted, and the API as typed calls. No sockets, no node, no pod ranges; a scheduler where
// wanted. Made and ended by one test; its functions may be called from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/client/client.hpp"
#include "core/client/reflector.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/plugin/simulated_time.hpp"
#include "gantry/host.hpp"

namespace gantry::integration {

using client::ApiRequest;
using client::ApiResponse;

class TestPlane {
 public:
  // What a [plugin.NAME] table says beside the plugin's own keys.
  struct Table {
    std::filesystem::path file;  // empty: of the build's plugin folder
    plugin::WatchLimits watch = {};
    std::string replaces = {};
  };
  struct Options {
    std::vector<std::string> plugins;  // file names without ".so", in the build's plugin folder
    std::map<std::string, std::map<std::string, int64_t>> config;  // whole numbers of [plugin.NAME]
    // Time stands still but for advance(); names, UIDs and the order of everything follow from the seed.
    std::optional<uint64_t> simulated_seed;
    bool scheduler = false;
    std::map<std::string, Table> tables = {};
  };
  static Expected<std::unique_ptr<TestPlane>> start(Options options);
  ~TestPlane();

  client::Client& client();
  void after(int64_t delay_ms, std::function<void()> fn);
  // Under simulated time: moves it on, through all that is due until then.
  Expected<plugin::SimulatedTime::State> advance(std::chrono::seconds by);
  plugin::SimulatedTime* time();  // null on real time
  // Lines that plugins and hosts logged with at least this level.
  std::vector<std::string> log(int32_t level) const;
  // Ends the controllers and starts them anew on the same store: the daemon was restarted.
  Status restart_controllers();
  void stop_controllers();
  // Exchanges a plugin's instance for a new one of the same file, or starts it.
  Status reload(const std::string& plugin);
  // For the next load of a plugin.
  void set_config(const std::string& plugin, std::map<std::string, int64_t> config);
  // Whether the controllers' caches are filled, as readiness has it.
  bool synced() const;
  // Serves the kinds of a descriptor set, as if a plugin had brought them.
  Status extend(const std::string& owner, std::string_view descriptors);
  Status disable(const std::string& plugin);
  plugin::PluginHost& plugins();
  // gantry_config.get_daemon("data_dir") of a plugin.
  std::filesystem::path data_dir(const std::string& plugin) const;

  // The API as typed calls, in the namespace "default".
  template <typename M>
  Expected<M> create(const M& object) {
    auto request = sdk::Host::request_for<M>(ApiRequest::CREATE, kNamespace, "");
    request.set_body(object.SerializeAsString());
    return client::parse_object<M>(client().call(request));
  }
  template <typename M>
  Expected<M> get(const std::string& name) {
    return client::parse_object<M>(client().call(sdk::Host::request_for<M>(ApiRequest::GET, kNamespace, name)));
  }
  template <typename M>
  Expected<M> update(const M& object, std::string_view subresource = {}) {
    auto request = sdk::Host::request_for<M>(ApiRequest::UPDATE, kNamespace, object.metadata().name());
    request.set_subresource(std::string(subresource));
    request.set_body(object.SerializeAsString());
    return client::parse_object<M>(client().call(request));
  }
  template <typename M>
  Expected<M> patch(const std::string& name, std::string json, std::string_view subresource = {}) {
    auto request = sdk::Host::request_for<M>(ApiRequest::PATCH, kNamespace, name);
    request.set_subresource(std::string(subresource));
    request.set_patch_type(ApiRequest::STRATEGIC_MERGE_PATCH);
    request.set_body(std::move(json));
    return client::parse_object<M>(client().call(request));
  }
  template <typename M>
  Status remove(const std::string& name, const metav1::DeleteOptions& how = {}) {
    auto request = sdk::Host::request_for<M>(ApiRequest::DELETE, kNamespace, name);
    request.set_body(how.SerializeAsString());
    const auto answer = client().call(request);
    return answer ? Status() : answer.error();
  }
  template <typename M>
  std::vector<M> list(const std::string& selector = {}) {
    auto request = sdk::Host::request_for<M>(ApiRequest::LIST, kNamespace, "");
    request.set_label_selector(selector);
    std::vector<M> out;
    const auto answer = client().call(request);
    for (int i = 0; answer && i < answer->objects_size(); ++i) out.emplace_back().ParseFromString(answer->objects(i));
    return out;
  }
  // "Reason: message" of the events about an object of this name, in order of their making.
  std::vector<std::string> events(const std::string& name);

  static constexpr char kNamespace[] = "default";

 private:
  struct Impl;
  explicit TestPlane(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What a watch has seen of one resource: the newest state of every object, and waiting for it to be as wanted.
template <typename M>
class View {
 public:
  using Objects = std::map<std::string, M>;
  using Check = std::function<bool(const Objects&)>;

  // `seen` is called, under the view's lock, after every change.
  // `ns` empty: of all namespaces, or of a cluster-wide resource.
  explicit View(TestPlane& plane, std::function<void(const Objects&)> seen = nullptr,
                std::string ns = TestPlane::kNamespace)
      : seen_(std::move(seen)) {
    constexpr auto resource = ResourceOf<M>::name;
    client::WatchRequest what;
    what.group = resource.group;
    what.version = resource.version;
    what.resource = resource.resource;
    what.ns = std::move(ns);
    client::ReflectorHandler handler;
    handler.replace = [this](client::Client::List list) { replace(list); };
    handler.event = [this](const client::WatchEvent& event) { apply(event); };
    reflector_ =
        client::start_reflector(plane.client(), std::move(what), std::move(handler),
                                [&plane](int64_t ms, std::function<void()> fn) { plane.after(ms, std::move(fn)); });
  }

  // True as soon as `check` holds for any state since now, however short it lasts; false when it does not within the
  // time.
  bool wait(const Check& check, int64_t seconds = 30) {
    std::unique_lock lock(mutex_);
    Waiter waiter{&check, check(objects_)};
    waiters_.push_back(&waiter);
    changed_.wait_for(lock, std::chrono::seconds(seconds), [&] { return waiter.done; });
    std::erase(waiters_, &waiter);
    return waiter.done;
  }
  Objects objects() const {
    const std::lock_guard lock(mutex_);
    return objects_;
  }
  std::optional<M> get(const std::string& name) const {
    const std::lock_guard lock(mutex_);
    const auto it = objects_.find(name);
    return it == objects_.end() ? std::nullopt : std::optional<M>(it->second);
  }
  // How many objects there ever were. Also within a check.
  size_t ever() const { return ever_count_; }

 private:
  struct Waiter {
    const Check* check;
    bool done;
  };
  void replace(const client::Client::List& list) {
    const std::lock_guard lock(mutex_);
    objects_.clear();
    for (const auto& item : list.objects) put(item.bytes);
    tell();
  }
  void apply(const client::WatchEvent& event) {
    const std::lock_guard lock(mutex_);
    if (event.type == client::WatchEvent::Type::kDeleted) {
      M gone;
      gone.ParseFromArray(event.object.bytes.data(), static_cast<int>(event.object.bytes.size()));
      objects_.erase(gone.metadata().name());
    } else {
      put(event.object.bytes);
    }
    tell();
  }
  void put(std::string_view bytes) {
    M object;
    object.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
    auto name = object.metadata().name();
    ever_.insert(object.metadata().uid());
    ever_count_ = ever_.size();
    objects_[std::move(name)] = std::move(object);
  }
  void tell() {
    if (seen_) seen_(objects_);
    for (auto* waiter : waiters_) waiter->done = waiter->done || (*waiter->check)(objects_);
    changed_.notify_all();
  }

  std::function<void(const Objects&)> seen_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Objects objects_;
  std::set<std::string> ever_;
  std::atomic<size_t> ever_count_ = 0;
  std::vector<Waiter*> waiters_;
  std::unique_ptr<client::Reflector> reflector_;  // last: its callbacks use the rest
};

}  // namespace gantry::integration
