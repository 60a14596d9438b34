#include "core/http/server/strangers.hpp"

#include "core/http/server/connection.hpp"

namespace gantry::http {

void Strangers::admit() {
  const std::lock_guard lock(mutex_);
  ++count_;
  ++entering_;
}

void Strangers::enter(Place& place) {
  const std::lock_guard lock(mutex_);
  place.counted = true;
  --entering_;
}

void Strangers::unlink(Place& place) {
  if (std::exchange(place.waits, false)) waiting_.erase(place.at);
}

void Strangers::wait(Place& place, const std::weak_ptr<Connection>& who) {
  const std::lock_guard lock(mutex_);
  if (!place.counted) return;
  if (place.waits) {
    waiting_.splice(waiting_.end(), waiting_, place.at);
    return;
  }
  place.at = waiting_.insert(waiting_.end(), who);
  place.waits = true;
}

void Strangers::serve(Place& place) {
  const std::lock_guard lock(mutex_);
  unlink(place);
}

void Strangers::leave(Place& place) {
  const std::lock_guard lock(mutex_);
  unlink(place);
  if (std::exchange(place.counted, false)) --count_;
}

std::shared_ptr<Connection> Strangers::take_first() {
  const std::lock_guard lock(mutex_);
  for (auto at = waiting_.begin(); at != waiting_.end(); ++at) {
    auto first = at->lock();
    if (!first) continue;  // about to leave by himself
    auto& place = first->place();
    unlink(place);
    place.counted = false;
    --count_;
    ++going_;
    return first;
  }
  return nullptr;
}

size_t Strangers::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

size_t Strangers::entering() const {
  const std::lock_guard lock(mutex_);
  return entering_;
}

size_t Strangers::going() const {
  const std::lock_guard lock(mutex_);
  return going_;
}

void Strangers::gone() {
  const std::lock_guard lock(mutex_);
  --going_;
}

}  // namespace gantry::http
