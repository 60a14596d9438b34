#include "core/controller/informer.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>
#include <charconv>

#include "k8s.io/apimachinery/pkg/apis/meta/v1/object_meta.pb.h"

namespace gantry::controller {
namespace {

using gantry::abi::ObjectEvent;
using google::protobuf::internal::WireFormatLite;
using ObjectMeta = k8s::io::apimachinery::pkg::apis::meta::v1::ObjectMeta;

std::string object_key(std::string_view ns, std::string_view name) {
  std::string key;
  key.reserve(ns.size() + name.size() + 1);
  return key.append(ns).append("/").append(name);
}

int64_t to_revision(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// Reads field 1, which every kind has as its ObjectMeta, and skips the rest unread. `field` is where it lies.
bool parse_meta(std::string_view bytes, ObjectMeta& meta, std::string_view& field) {
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(bytes.data()),
                                            static_cast<int>(bytes.size()));
  for (;;) {
    const auto begin = static_cast<size_t>(in.CurrentPosition());
    const uint32_t tag = in.ReadTag();
    if (tag == 0) return false;
    if (WireFormatLite::GetTagFieldNumber(tag) != 1) {
      if (!WireFormatLite::SkipField(&in, tag)) return false;
      continue;
    }
    int size = 0;
    if (!in.ReadVarintSizeAsInt(&size)) return false;
    const void* data = nullptr;
    int available = 0;
    if (size > 0 && (!in.GetDirectBufferPointer(&data, &available) || available < size)) return false;
    field = bytes.substr(begin, static_cast<size_t>(in.CurrentPosition() + size) - begin);
    return meta.ParseFromArray(data, size);
  }
}

}  // namespace

CachedPtr index_object(client::Object object) {
  ObjectMeta meta;
  auto cached = std::make_shared<CachedObject>();
  if (!parse_meta(object.bytes, meta, cached->metadata)) return nullptr;
  cached->object = std::move(object);
  cached->ns = meta.namespace_();
  cached->name = meta.name();
  cached->uid = meta.uid();
  cached->revision = to_revision(meta.resource_version());
  cached->deleting = meta.has_deletion_timestamp();
  for (const auto& [label, value] : meta.labels()) cached->labels.emplace_back(label, value);
  for (const auto& owner : meta.owner_references()) {
    cached->owners.push_back({owner.api_version(), owner.kind(), owner.name(), owner.uid(), owner.controller(),
                              owner.block_owner_deletion()});
  }
  return cached;
}

const OwnerRef* CachedObject::controller() const {
  const auto it = std::find_if(owners.begin(), owners.end(), [](const OwnerRef& owner) { return owner.controller; });
  return it == owners.end() ? nullptr : &*it;
}

Informer::Informer(InformerKey key, std::vector<schema::IndexedField> fields)
    : key_(std::move(key)), fields_(std::move(fields)), by_owner_([](const CachedObject& object, const auto& value) {
        for (const auto& owner : object.owners) value(owner.uid);
      }) {}

void Informer::start(client::Client& client, client::ReflectorOptions options, std::function<void()> changed) {
  on_change_ = std::move(changed);
  list_ = [this, &client, options = std::move(options)] {
    client::WatchRequest what;
    what.group = key_.group;
    what.version = key_.version;
    what.resource = key_.resource;
    what.label_selector = key_.label_selector;
    what.field_selector = key_.field_selector;
    what.metadata_only = key_.metadata_only;
    client::ReflectorHandler handler;
    handler.replace = [this](client::Client::List list) { replace(std::move(list)); };
    handler.events = [this](std::vector<client::WatchEvent> events) { apply(std::move(events)); };
    handler.failed = [this](const Status& why) { note_failure(why); };
    reflector_ = client::start_reflector(client, std::move(what), std::move(handler), options);
  };
  list_();
}

void Informer::try_again() {
  if (refused().ok() || !started()) return;
  reflector_.reset();
  list_();
}

void Informer::note_failure(const Status& why) {
  const bool passes = why.code() == 408 || why.code() == 410 || why.code() == 429;
  if (why.code() < 400 || why.code() >= 500 || passes) return;
  {
    const std::unique_lock lock(mutex_);
    if (refused_.code() == why.code() && refused_.message() == why.message()) return;
    refused_ = why;
  }
  if (on_change_) on_change_();
}

Status Informer::refused() const {
  const std::shared_lock lock(mutex_);
  return refused_;
}

bool Informer::synced() const {
  const std::shared_lock lock(mutex_);
  return synced_;
}

CachedPtr Informer::get(std::string_view ns, std::string_view name) const {
  const std::shared_lock lock(mutex_);
  const auto it = objects_.find(object_key(ns, name));
  return it == objects_.end() ? nullptr : it->second;
}

std::vector<CachedPtr> Informer::list(std::string_view ns) const {
  const std::shared_lock lock(mutex_);
  std::vector<CachedPtr> found;
  auto it = ns.empty() ? objects_.begin() : objects_.lower_bound(object_key(ns, ""));
  for (; it != objects_.end() && (ns.empty() || it->second->ns == ns); ++it) found.push_back(it->second);
  return found;
}

std::vector<CachedPtr> Informer::by_owner(std::string_view uid) const {
  const std::shared_lock lock(mutex_);
  return by_owner_.find(uid, {});
}

std::optional<std::vector<CachedPtr>> Informer::by_index(std::string_view index, std::string_view value,
                                                         std::string_view ns) const {
  {
    const std::shared_lock lock(mutex_);
    if (const auto it = indexes_.find(index); it != indexes_.end()) return it->second.find(value, ns);
  }
  auto made = make_index(index);
  if (!made) return std::nullopt;
  const std::unique_lock lock(mutex_);
  auto [it, first] = indexes_.emplace(index, std::move(*made));
  if (first) {
    for (const auto& [key, object] : objects_) it->second.add(object);
  }
  return it->second.find(value, ns);
}

std::optional<ObjectIndex> Informer::make_index(std::string_view name) const {
  if (name == "metadata.controller") {
    return ObjectIndex([](const CachedObject& object, const auto& value) {
      const auto* owner = object.controller();
      value(owner == nullptr ? std::string() : owner->uid);
    });
  }
  const auto field =
      std::find_if(fields_.begin(), fields_.end(), [&](const auto& known) { return known.path == name; });
  if (field == fields_.end() || key_.metadata_only) return std::nullopt;
  return ObjectIndex([path = field->numbers](const CachedObject& object, const auto& value) {
    value(std::string(find_field(object.object.bytes, path)));
  });
}

void Informer::index_locked(const CachedPtr& object, bool add) {
  const auto change = [&](ObjectIndex& index) { add ? index.add(object) : index.remove(object); };
  change(by_owner_);
  for (auto& [name, index] : indexes_) change(index);
}

Informer::Event Informer::put_locked(CachedPtr object) {
  auto& slot = objects_[object_key(object->ns, object->name)];
  Event event{slot == nullptr ? ObjectEvent::ADDED : ObjectEvent::MODIFIED, object, slot};
  if (slot != nullptr) index_locked(slot, false);
  slot = std::move(object);
  index_locked(slot, true);
  return event;
}

Informer::Event Informer::erase_locked(CachedPtr object) {
  Event event{ObjectEvent::DELETED, object, nullptr};
  const auto it = objects_.find(object_key(object->ns, object->name));
  if (it != objects_.end()) {
    event.before = it->second;
    index_locked(it->second, false);
    objects_.erase(it);
  }
  return event;
}

// Events come in the order of their revisions, so what is not newer than the last one was seen, or filtered out.
void Informer::take_writes_locked(Calls& out) {
  const auto end = writes_.upper_bound(revision_);
  for (auto it = writes_.begin(); it != end; ++it) out.push_back(std::move(it->second));
  writes_.erase(writes_.begin(), end);
}

void Informer::take_deletions_locked(const CachedObject& object, Calls& out) {
  const auto [begin, end] = deletions_.equal_range(object.uid);
  for (auto it = begin; it != end; ++it) out.push_back(std::move(it->second));
  deletions_.erase(begin, end);
}

// What a list lacks has no event of its own here.
void Informer::take_deletions_after_list_locked(Calls& out) {
  if (deletions_.empty()) return;
  std::unordered_map<std::string_view, bool> present;  // by uid: whether it is being deleted
  for (const auto& [key, object] : objects_) present.emplace(object->uid, object->deleting);
  std::erase_if(deletions_, [&](auto& waiter) {
    const auto it = present.find(waiter.first);
    const bool seen = it == present.end() || it->second;
    if (seen) out.push_back(std::move(waiter.second));
    return seen;
  });
}

void Informer::replace(client::Client::List list) {
  Events events;
  Calls seen;
  bool changed = false;
  {
    const std::unique_lock lock(mutex_);
    std::map<std::string, CachedPtr, std::less<>> stale = objects_;
    for (auto& item : list.objects) {
      auto object = index_object(std::move(item));
      if (object == nullptr) continue;
      const auto key = object_key(object->ns, object->name);
      const auto old = stale.find(key);
      const bool same =
          old != stale.end() && old->second->uid == object->uid && old->second->revision == object->revision;
      if (old != stale.end() && old->second->uid != object->uid) events.push_back(erase_locked(old->second));
      if (old != stale.end()) stale.erase(old);
      if (!same) events.push_back(put_locked(std::move(object)));
    }
    for (const auto& [key, object] : stale) events.push_back(erase_locked(object));
    revision_ = std::max(revision_, to_revision(list.resource_version));
    take_writes_locked(seen);
    take_deletions_after_list_locked(seen);
    const bool was_refused = !std::exchange(refused_, {}).ok();
    changed = !std::exchange(synced_, true) || was_refused;
  }
  tell(events, seen);
  if (changed && on_change_) on_change_();
}

void Informer::apply(std::vector<client::WatchEvent> events) {
  std::vector<CachedPtr> objects;  // read before the lock; null where the bytes are broken
  objects.reserve(events.size());
  for (auto& event : events) objects.push_back(index_object(std::move(event.object)));
  Events told;
  told.reserve(events.size());
  Calls seen;
  {
    const std::unique_lock lock(mutex_);
    for (size_t i = 0; i < events.size(); ++i) {
      auto& object = objects[i];
      if (object == nullptr) continue;
      revision_ = std::max(revision_, object->revision);
      const bool gone = events[i].type == client::WatchEvent::Type::kDeleted;
      if (gone || object->deleting) take_deletions_locked(*object, seen);
      told.push_back(gone ? erase_locked(std::move(object)) : put_locked(std::move(object)));
    }
    take_writes_locked(seen);
  }
  tell(told, seen);
}

Informer::Handle Informer::listen(Listener listener) {
  auto handle = std::make_shared<const Listener>(std::move(listener));
  std::vector<CachedPtr> present;
  {
    const std::unique_lock lock(mutex_);
    auto next = listeners_ == nullptr ? std::make_shared<Listeners>() : std::make_shared<Listeners>(*listeners_);
    std::erase_if(*next, [](const auto& known) { return known.expired(); });
    next->push_back(handle);
    listeners_ = std::move(next);
    for (const auto& [key, object] : objects_) present.push_back(object);
  }
  Events added;
  added.reserve(present.size());
  for (auto& object : present) added.push_back({ObjectEvent::ADDED, std::move(object), nullptr});
  if (!added.empty()) (*handle)(*this, added);
  return handle;
}

std::shared_ptr<const Informer::Listeners> Informer::listeners() const {
  const std::shared_lock lock(mutex_);
  return listeners_;
}

void Informer::tell(const Events& events, const Calls& seen) {
  const auto told = listeners();
  if (told != nullptr && !events.empty()) {
    for (const auto& known : *told) {
      if (const auto listener = known.lock()) (*listener)(*this, events);
    }
  }
  for (const auto& call : seen) call();
}

bool Informer::when_seen(const std::string& uid, std::string_view ns, std::string_view name, int64_t revision,
                         bool deleted, std::function<void()> seen) {
  std::unique_lock lock(mutex_);
  const auto it = objects_.find(object_key(ns, name));
  const bool present = it != objects_.end() && it->second->uid == uid;
  if (deleted ? (!present || it->second->deleting)
              : (revision_ >= revision || (present && it->second->revision >= revision))) {
    return false;
  }
  if (deleted) {
    deletions_.emplace(uid, std::move(seen));
    return true;
  }
  writes_.emplace(revision, std::move(seen));
  if (writes_.size() <= kMaxWrites) return true;
  const auto oldest = writes_.extract(writes_.begin());
  lock.unlock();
  oldest.mapped()();
  return true;
}

}  // namespace gantry::controller
