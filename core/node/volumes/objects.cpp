// One watch an object in use; what is read comes from that watch, or, when nobody holds the object, from the API
// itself.
#include "core/node/volumes/objects.hpp"

#include <chrono>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/client/reflector.hpp"
#include "core/simulation/turns.hpp"

namespace gantry::node {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);

enum class ObjectKind : uint8_t { kConfigMap, kSecret };
using Key = std::tuple<ObjectKind, std::string, std::string>;

struct Words {
  std::string_view resource, kind;
};
Words words(ObjectKind kind) {
  return kind == ObjectKind::kConfigMap ? Words{"configmaps", "configmap"} : Words{"secrets", "secret"};
}

Status not_found(ObjectKind kind, const std::string& name) {
  return Status::not_found(std::string(words(kind).kind) + " \"" + name + "\" not found");
}

struct Held {
  std::set<std::string> pods;
  std::unique_ptr<client::Reflector> reflector;
  bool synced = false, present = false;
  std::vector<std::shared_ptr<simulation::Await>> waiting;  // for synced
  client::Object object;
};

template <typename Container>
void names_of_environment(const Container& container, const std::string& ns, std::set<Key>& out) {
  for (const auto& from : container.env_from()) {
    if (from.has_config_map_ref())
      out.emplace(ObjectKind::kConfigMap, ns, from.config_map_ref().local_object_reference().name());
    if (from.has_secret_ref()) out.emplace(ObjectKind::kSecret, ns, from.secret_ref().local_object_reference().name());
  }
  for (const auto& variable : container.env()) {
    const auto& from = variable.value_from();
    if (from.has_config_map_key_ref()) {
      out.emplace(ObjectKind::kConfigMap, ns, from.config_map_key_ref().local_object_reference().name());
    }
    if (from.has_secret_key_ref())
      out.emplace(ObjectKind::kSecret, ns, from.secret_key_ref().local_object_reference().name());
  }
}

std::set<Key> names_of(const corev1::Pod& pod) {
  std::set<Key> out;
  const auto& ns = pod.metadata().namespace_();
  for (const auto& container : pod.spec().init_containers()) names_of_environment(container, ns, out);
  for (const auto& container : pod.spec().containers()) names_of_environment(container, ns, out);
  for (const auto& volume : pod.spec().volumes()) {
    const auto& source = volume.volume_source();
    if (source.has_config_map())
      out.emplace(ObjectKind::kConfigMap, ns, source.config_map().local_object_reference().name());
    if (source.has_secret()) out.emplace(ObjectKind::kSecret, ns, source.secret().secret_name());
    for (const auto& part : source.projected().sources()) {
      if (part.has_config_map())
        out.emplace(ObjectKind::kConfigMap, ns, part.config_map().local_object_reference().name());
      if (part.has_secret()) out.emplace(ObjectKind::kSecret, ns, part.secret().local_object_reference().name());
    }
  }
  return out;
}

class Cache final : public ObjectCache {
 public:
  Cache(client::Client& client, std::function<void(const std::string&)> changed,
        std::function<void(int64_t, std::function<void()>)> schedule)
      : client_(client), changed_(std::move(changed)), schedule_(std::move(schedule)) {}

  ~Cache() override {
    std::map<Key, std::shared_ptr<Held>> held;
    {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      held.swap(held_);
    }
    arrived_.notify_all();
    // Outside the lock: a reflector waits for its running callback, which takes the lock.
    for (auto& [key, entry] : held) entry->reflector.reset();
  }

  Expected<corev1::ConfigMap> config_map(const std::string& ns, const std::string& name) override {
    return read<corev1::ConfigMap>(ObjectKind::kConfigMap, ns, name);
  }
  Expected<corev1::Secret> secret(const std::string& ns, const std::string& name) override {
    return read<corev1::Secret>(ObjectKind::kSecret, ns, name);
  }

  void hold(const corev1::Pod& pod) override {
    const auto& uid = pod.metadata().uid();
    std::vector<std::pair<Key, std::shared_ptr<Held>>> fresh;
    {
      const std::lock_guard lock(mutex_);
      if (stopped_) return;
      for (const auto& key : names_of(pod)) {
        auto& entry = held_[key];
        if (entry == nullptr) {
          entry = std::make_shared<Held>();
          fresh.emplace_back(key, entry);
        }
        entry->pods.insert(uid);
      }
    }
    // Outside the lock: an in-process client answers at once.
    for (auto& [key, entry] : fresh) follow(key, entry);
  }

  void release(const std::string& uid) override {
    std::vector<std::unique_ptr<client::Reflector>> ended;
    {
      const std::lock_guard lock(mutex_);
      for (auto it = held_.begin(); it != held_.end();) {
        it->second->pods.erase(uid);
        if (!it->second->pods.empty()) {
          ++it;
          continue;
        }
        ended.push_back(std::move(it->second->reflector));
        it = held_.erase(it);
      }
    }
    ended.clear();
  }

 private:
  void follow(const Key& key, const std::shared_ptr<Held>& entry) {
    client::WatchRequest request;
    request.version = "v1";
    request.resource = words(std::get<0>(key)).resource;
    request.ns = std::get<1>(key);
    request.field_selector = "metadata.name=" + std::get<2>(key);
    client::ReflectorHandler handler;
    handler.replace = [this, entry](client::Client::List list) {
      const bool present = !list.objects.empty();
      arrived(*entry, present, present ? std::move(list.objects.front()) : client::Object());
    };
    handler.event = [this, entry](client::WatchEvent event) {
      const bool present = event.type != client::WatchEvent::Type::kDeleted;
      arrived(*entry, present, present ? std::move(event.object) : client::Object());
    };
    auto reflector = client::start_reflector(client_, std::move(request), std::move(handler), schedule_);
    {
      const std::lock_guard lock(mutex_);
      const auto it = held_.find(key);
      if (!stopped_ && it != held_.end() && it->second == entry) entry->reflector = std::move(reflector);
    }
    // Released meanwhile: the reflector ends here, outside the lock.
    reflector.reset();
  }

  void arrived(Held& entry, bool present, client::Object object) {
    std::set<std::string> tell;
    {
      const std::lock_guard lock(mutex_);
      const bool same = entry.present == present && (!present || entry.object.bytes == object.bytes);
      if (entry.synced && !same) tell = entry.pods;
      entry.synced = true;
      for (const auto& await : entry.waiting) await->answered();
      entry.waiting.clear();
      entry.present = present;
      entry.object = std::move(object);
    }
    arrived_.notify_all();
    for (const auto& uid : tell) changed_(uid);
  }

  template <typename Message>
  Expected<Message> read(ObjectKind kind, const std::string& ns, const std::string& name) {
    std::unique_lock lock(mutex_);
    const auto it = held_.find(Key{kind, ns, name});
    if (it == held_.end()) {
      lock.unlock();
      return ask<Message>(kind, ns, name);
    }
    const auto entry = it->second;
    if (!wait_synced(lock, *entry)) {
      return Status::timeout("failed to sync " + std::string(words(kind).kind) +
                             " cache: timed out waiting for the condition");
    }
    if (!entry->present) {
      // The watch may be a moment behind a pod that came right after its config map.
      lock.unlock();
      return ask<Message>(kind, ns, name);
    }
    const client::Object object = entry->object;
    lock.unlock();
    Message message;
    if (!message.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()))) {
      return Status::internal(std::string(words(kind).kind) + " \"" + name + "\" could not be decoded");
    }
    return message;
  }

  bool wait_synced(std::unique_lock<std::mutex>& lock, Held& entry) {
    if (entry.synced) return true;
    const auto await = std::make_shared<simulation::Await>();
    entry.waiting.push_back(await);
    lock.unlock();
    await->wait([&] {
      lock.lock();
      arrived_.wait_for(lock, kPatience, [&] { return entry.synced || stopped_; });
      lock.unlock();
    });
    lock.lock();
    return entry.synced;
  }

  template <typename Message>
  Expected<Message> ask(ObjectKind kind, const std::string& ns, const std::string& name) {
    struct Answer {
      simulation::Await await;
      std::promise<Expected<client::ApiResponse>> promise;
    };
    const auto shared = std::make_shared<Answer>();
    auto answer = shared->promise.get_future();
    client_.call(client::get_request({"", "v1", std::string(words(kind).resource)}, ns, name),
                 [shared](Expected<client::ApiResponse> response) {
                   shared->await.answered();
                   shared->promise.set_value(std::move(response));
                 });
    if (shared->await.wait([&] { return answer.wait_for(kPatience); }) != std::future_status::ready) {
      return Status::timeout("no answer from the API server within 10 seconds");
    }
    const auto response = answer.get();
    if (!response && response.error().code() == 404) return not_found(kind, name);
    return client::parse_object<Message>(response);
  }

  client::Client& client_;
  const std::function<void(const std::string&)> changed_;
  const std::function<void(int64_t, std::function<void()>)> schedule_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::map<Key, std::shared_ptr<Held>> held_;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<ObjectCache> make_object_cache(client::Client& client,
                                               std::function<void(const std::string& pod_uid)> changed,
                                               std::function<void(int64_t, std::function<void()>)> schedule) {
  return std::make_unique<Cache>(client, std::move(changed), std::move(schedule));
}

}  // namespace gantry::node
