#include "terminated.hpp"

#include "gantry/pods.hpp"

namespace gantry::podgc {

void Terminated::note(const corev1::Pod& pod) {
  const auto& meta = pod.metadata();
  const std::pair key(meta.namespace_(), meta.name());
  const std::lock_guard lock(mutex_);
  drop(key);
  if (!sdk::is_finished(pod) || meta.has_deletion_timestamp()) return;
  Place place{pod.status().reason() != "Evicted", to_ns(meta.creation_timestamp()), meta.name(), meta.namespace_(),
              meta.uid()};
  places_.insert(place);
  by_key_.emplace(key, std::move(place));
}

void Terminated::forget(const std::string& ns, const std::string& name) {
  const std::lock_guard lock(mutex_);
  drop({ns, name});
}

std::vector<Terminated::Place> Terminated::take_beyond(size_t threshold, size_t most) {
  std::vector<Place> taken;
  const std::lock_guard lock(mutex_);
  while (places_.size() > threshold && taken.size() < most) {
    taken.push_back(*places_.begin());
    drop({taken.back().ns, taken.back().name});
  }
  return taken;
}

void Terminated::put_back(Place place) {
  const std::lock_guard lock(mutex_);
  std::pair key(place.ns, place.name);
  if (by_key_.contains(key)) return;
  places_.insert(place);
  by_key_.emplace(std::move(key), std::move(place));
}

size_t Terminated::size() const {
  const std::lock_guard lock(mutex_);
  return places_.size();
}

void Terminated::drop(const std::pair<std::string, std::string>& key) {
  const auto it = by_key_.find(key);
  if (it == by_key_.end()) return;
  places_.erase(it->second);
  by_key_.erase(it);
}

}  // namespace gantry::podgc
