#include "core/node/pod/pod_table.hpp"

#include <charconv>

namespace gantry::node {
namespace {

std::shared_ptr<const corev1::Pod> parse(const client::Object& object) {
  auto pod = std::make_shared<corev1::Pod>();
  if (!pod->ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()))) return nullptr;
  return pod;
}

template <typename Map>
bool same_map(const Map& a, const Map& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [key, value] : a) {
    const auto found = b.find(key);
    if (found == b.end() || found->second != value) return false;
  }
  return true;
}

}  // namespace

bool PodTable::matters(const corev1::Pod& before, const corev1::Pod& after) {
  const auto& a = before.metadata();
  const auto& b = after.metadata();
  if (a.generation() != b.generation() || a.has_deletion_timestamp() != b.has_deletion_timestamp()) return true;
  if (a.deletion_grace_period_seconds() != b.deletion_grace_period_seconds()) return true;
  if (!same_map(a.labels(), b.labels()) || !same_map(a.annotations(), b.annotations())) return true;
  return is_terminal(before.status()) != is_terminal(after.status()) || after.spec().readiness_gates_size() > 0;
}

bool PodTable::put_locked(std::shared_ptr<const corev1::Pod> pod) {
  const auto& uid = pod->metadata().uid();
  auto& entry = entries_[uid];
  const bool news = entry.pod == nullptr || entry.gone || matters(*entry.pod, *pod);
  entry.memory->uid = uid;
  entry.pod = std::move(pod);
  entry.gone = false;
  return news;
}

std::vector<std::string> PodTable::replace(const client::Client::List& list) {
  std::vector<std::string> wake;
  std::set<std::string> listed;
  const std::lock_guard lock(mutex_);
  known_ = true;
  for (const auto& object : list.objects) {
    auto pod = parse(object);
    if (pod == nullptr) continue;
    const std::string uid = pod->metadata().uid();
    listed.insert(uid);
    if (put_locked(std::move(pod))) wake.push_back(uid);
  }
  for (auto& [uid, entry] : entries_) {
    if (listed.contains(uid) || entry.gone) continue;
    entry.gone = true;
    wake.push_back(uid);
  }
  return wake;
}

std::optional<std::string> PodTable::event(const client::WatchEvent& event) {
  auto pod = parse(event.object);
  if (pod == nullptr) return {};
  std::string uid = pod->metadata().uid();
  std::unique_lock lock(mutex_);
  if (event.type != client::WatchEvent::Type::kDeleted) {
    const bool wakes = put_locked(pod);
    lock.unlock();
    if (seen) seen(*pod);
    return wakes ? std::optional(uid) : std::nullopt;
  }
  const auto found = entries_.find(uid);
  if (found == entries_.end()) return {};
  found->second.pod = std::move(pod);
  found->second.gone = true;
  return uid;
}

std::vector<std::string> PodTable::add_orphans(const std::set<std::string>& uids) {
  std::vector<std::string> added;
  const std::lock_guard lock(mutex_);
  if (!known_) return added;
  for (const auto& uid : uids) {
    if (uid.empty() || entries_.contains(uid)) continue;
    auto& entry = entries_[uid];
    entry.gone = true;
    entry.memory->uid = uid;
    added.push_back(uid);
  }
  return added;
}

std::optional<PodTable::Entry> PodTable::find(const std::string& uid) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(uid);
  return found == entries_.end() ? std::nullopt : std::optional(found->second);
}

std::shared_ptr<const corev1::Pod> PodTable::pod(const std::string& uid) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(uid);
  return found == entries_.end() ? nullptr : found->second.pod;
}

void PodTable::forget(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(uid);
  if (found != entries_.end() && found->second.gone) entries_.erase(found);
  std::erase_if(sandboxes_, [&](const auto& sandbox) { return sandbox.second == uid; });
}

std::vector<std::string> PodTable::uids() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [uid, entry] : entries_) out.push_back(uid);
  return out;
}

bool PodTable::known() const {
  const std::lock_guard lock(mutex_);
  return known_;
}

void PodTable::note_sandbox(const std::string& sandbox_id, const std::string& uid) {
  const std::lock_guard lock(mutex_);
  sandboxes_[sandbox_id] = uid;
}

std::optional<std::string> PodTable::uid_of_sandbox(const std::string& sandbox_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = sandboxes_.find(sandbox_id);
  return found == sandboxes_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace gantry::node
