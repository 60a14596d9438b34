// What a watch has still to tell its peer. Threads: see the header.
#include "core/apiserver/watch/backlog.hpp"

namespace gantry::apiserver {
namespace {

size_t bytes_of(const store::Event& event) {
  return event.entry->value.size() + (event.previous ? event.previous->value.size() : 0);
}

}  // namespace

bool Backlog::add(const store::EventPtr* events, size_t count, bool replay) {
  const size_t counted = replay ? 0 : count;
  size_t bytes = 0;
  for (size_t i = 0; i < counted; ++i) bytes += bytes_of(*events[i]);
  if (counted_ + counted > most_events_ || bytes_ + bytes > most_bytes_) return false;
  if (!charge_.grow(count * sizeof(*events))) return false;
  events_.insert(events_.end(), events, events + count);
  counted_ += counted;
  bytes_ += bytes;
  return true;
}

std::pair<std::vector<store::EventPtr>, limits::Charge> Backlog::take() {
  counted_ = bytes_ = 0;
  return {std::exchange(events_, {}), charge_.split(charge_.bytes())};
}

}  // namespace gantry::apiserver
