#include "core/node/runtime/lasting_calls.hpp"

#include <utility>

namespace gantry::node {

LastingCalls::LastingCalls(size_t most, std::function<void(const std::string&)> wake)
    : shared_(std::make_shared<Shared>()) {
  shared_->free = most;
  shared_->wake = std::move(wake);
}

LastingCalls::~LastingCalls() { stop(); }

void LastingCalls::Shared::ended(const std::string& pod, const std::string& what, uint64_t number,
                                 Expected<std::string> answer) {
  const std::lock_guard lock(mutex);
  ++free;
  bool asked = false;
  if (const auto of_pod = entries.find(pod); of_pod != entries.end()) {
    const auto entry = of_pod->second.find(what);
    asked = entry != of_pod->second.end() && entry->second.number == number;
    if (asked) entry->second.answer = std::move(answer);
  }
  if (!wake) return;
  if (asked) wake(pod);
  if (waiting.empty()) return;
  wake(waiting.front());
  queued.erase(waiting.front());
  waiting.pop_front();
}

std::optional<LastingCalls::Done> LastingCalls::outcome(const std::string& pod, const std::string& what, int64_t now_ns,
                                                        const Begin& begin) {
  uint64_t number = 0;
  {
    const std::lock_guard lock(shared_->mutex);
    auto& of_pod = shared_->entries[pod];
    if (const auto it = of_pod.find(what); it != of_pod.end()) {
      if (!it->second.answer) return std::nullopt;
      Done done{*std::move(it->second.answer), it->second.begun_ns};
      of_pod.erase(it);
      if (of_pod.empty()) shared_->entries.erase(pod);
      return done;
    }
    if (shared_->free == 0) {
      if (shared_->queued.insert(pod).second) shared_->waiting.push_back(pod);
      if (of_pod.empty()) shared_->entries.erase(pod);
      return std::nullopt;
    }
    --shared_->free;
    number = ++shared_->last;
    of_pod[what] = {now_ns, number, std::nullopt};
  }
  begin([shared = shared_, pod, what, number](Expected<std::string> answer) {
    shared->ended(pod, what, number, std::move(answer));
  });
  return std::nullopt;
}

bool LastingCalls::has(const std::string& pod, const std::string& what) const {
  const std::lock_guard lock(shared_->mutex);
  const auto it = shared_->entries.find(pod);
  return it != shared_->entries.end() && it->second.contains(what);
}

void LastingCalls::forget(const std::string& pod) {
  const std::lock_guard lock(shared_->mutex);
  shared_->entries.erase(pod);
  if (shared_->queued.erase(pod) > 0) std::erase(shared_->waiting, pod);
}

void LastingCalls::stop() {
  const std::lock_guard lock(shared_->mutex);
  shared_->wake = nullptr;
}

}  // namespace gantry::node
