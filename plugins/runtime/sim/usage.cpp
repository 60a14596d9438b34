#include "usage.hpp"

#include <algorithm>

#include "gantry/times.hpp"

namespace gantry::sim {
namespace {

constexpr int64_t kRoundMs = 15'000;
// As many as are encoded before some of them are written.
constexpr size_t kPiece = 1'024;

}  // namespace

void UsagePlayer::follow(const corev1::Pod& pod, const Behaviour& behaviour, const HollowPod& hollow) {
  const auto& meta = pod.metadata();
  PodMetrics usage;
  if (behaviour.uses_something()) {
    for (const auto& container : hollow.containers()) {
      if (!container.running()) continue;
      auto& used = *usage.add_containers();
      used.set_name(container.name);
      (*used.mutable_usage())["cpu"].set_string(std::to_string(behaviour.cpu_milli) + "m");
      (*used.mutable_usage())["memory"].set_string(std::to_string(behaviour.memory / 1024) + "Ki");
    }
  }
  if (usage.containers_size() == 0 || meta.has_deletion_timestamp()) return forget(meta.namespace_(), meta.name());
  usage.mutable_metadata()->set_namespace_(meta.namespace_());
  usage.mutable_metadata()->set_name(meta.name());
  *usage.mutable_metadata()->mutable_labels() = meta.labels();
  usage.mutable_window()->set_duration(kRoundMs * kNanosPerMilli);
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    pods_[{meta.namespace_(), meta.name()}] = std::move(usage);
    first = !std::exchange(playing_, true);
  }
  if (first) begin_();
}

void UsagePlayer::forget(const std::string& ns, const std::string& name) {
  const std::lock_guard lock(mutex_);
  pods_.erase({ns, name});
}

Expected<int64_t> UsagePlayer::play() {
  std::vector<PodMetrics> all;
  {
    const std::lock_guard lock(mutex_);
    playing_ = !pods_.empty();
    if (!playing_) return 0;
    all.reserve(pods_.size());
    for (const auto& [key, usage] : pods_) all.push_back(usage);
  }
  const auto now = to_time(host_.now_unix_ns());
  for (auto& usage : all) *usage.mutable_timestamp() = now;
  if (auto status = write(all); !status.ok()) return status;
  return kRoundMs;
}

// Updates, for they are nearly always there; those that are not are made.
Status UsagePlayer::write(const std::vector<PodMetrics>& all) const {
  Status failure;
  for (size_t begin = 0; begin < all.size(); begin += kPiece) {
    const size_t end = std::min(all.size(), begin + kPiece);
    std::vector<sdk::ApiRequest> updates, creates;
    for (size_t i = begin; i < end; ++i) {
      const auto& meta = all[i].metadata();
      updates.push_back(sdk::Host::request_for<PodMetrics>(sdk::ApiRequest::UPDATE, meta.namespace_(), meta.name()));
      updates.back().set_body(all[i].SerializeAsString());
    }
    const auto answers = host_.call_all(updates);
    for (size_t i = 0; i < answers.size(); ++i) {
      if (answers[i]) continue;
      if (answers[i].error().code() != 404) {
        if (failure.ok()) failure = answers[i].error();
        continue;
      }
      creates.push_back(sdk::Host::request_for<PodMetrics>(sdk::ApiRequest::CREATE, updates[i].namespace_(), ""));
      creates.back().set_body(updates[i].body());
    }
    // A namespace that goes takes no new ones.
    for (const auto& answer : host_.call_all(creates)) {
      if (!answer && answer.error().code() != 403 && answer.error().code() != 404 && failure.ok())
        failure = answer.error();
    }
  }
  return failure;
}

}  // namespace gantry::sim
