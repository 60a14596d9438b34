// Preemption: what the Scheduler does so that a pod that found no node gets one at the cost of others. Decided under
// the lock by the scheduling thread; the writes go to the API asynchronously, and the watch tells when the room is
// there.
#include <algorithm>

#include "core/client/refusals.hpp"
#include "core/scheduler/messages.hpp"
#include "core/scheduler/preempt.hpp"
#include "core/scheduler/scheduler.hpp"
#include "k8s.io/api/policy/v1/pod_disruption_budget.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/options.pb.h"

namespace gantry::scheduler {
namespace {

using Disruptions = k8s::io::api::policy::v1::PodDisruptionBudget;

Budget read_budget(const Disruptions& budget) {
  Budget out;
  if (budget.spec().has_selector()) out.pods = budget.spec().selector();
  out.allowed = budget.status().disruptions_allowed();
  for (const auto& [name, since] : budget.status().disrupted_pods()) out.on_their_way.insert(name);
  return out;
}

}  // namespace

void Scheduler::on_budget(const client::WatchEvent& event) {
  Disruptions budget;
  if (!budget.ParseFromArray(event.object.bytes.data(), static_cast<int>(event.object.bytes.size()))) return;
  const std::lock_guard lock(mutex_);
  auto& of_namespace = budgets_[budget.metadata().namespace_()];
  if (event.type == client::WatchEvent::Type::kDeleted)
    of_namespace.erase(budget.metadata().name());
  else
    of_namespace[budget.metadata().name()] = read_budget(budget);
  if (of_namespace.empty()) budgets_.erase(budget.metadata().namespace_());
}

void Scheduler::replace_budgets(const client::Client::List& list) {
  const std::lock_guard lock(mutex_);
  budgets_.clear();
  for (const auto& object : list.objects) {
    Disruptions budget;
    if (!budget.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()))) continue;
    budgets_[budget.metadata().namespace_()][budget.metadata().name()] = read_budget(budget);
  }
  budgets_synced_ = true;
}

bool Scheduler::forget_waiting_locked(const std::string& uid) {
  queue_.remove(uid);
  evictions_.erase(uid);
  return nominations_.forget(uid);
}

// Also while those that are to go for it have not been told to: there is no word of them from the watch yet.
std::string Scheduler::why_not_preempt_locked(const WaitingPod& pod, const Choice& choice) {
  const std::string* promised = nominations_.node_of(pod.uid);
  std::string why = why_not_preempt(pod, promised, choice.crowded);
  const auto mine = evictions_.find(pod.uid);
  if (!why.empty() || promised == nullptr || mine == evictions_.end()) return why;
  std::erase_if(mine->second, [&](const std::string& uid) { return !cache_.has_pod(uid); });
  if (mine->second.empty()) {
    evictions_.erase(mine);
    return {};
  }
  const bool may_help = std::any_of(choice.crowded.begin(), choice.crowded.end(),
                                    [&](const NodeState* node) { return node->facts.name == *promised; });
  return may_help ? kWaits : std::string();
}

Scheduler::Clearing Scheduler::preempt_locked(const WaitingPtr& pod, const Choice& choice, std::string& message) {
  Clearing out;
  const auto& nodes = cache_.nodes();
  if (nodes.empty()) return out;
  const std::string why = why_not_preempt_locked(*pod, choice);
  if (!why.empty()) {
    message += " preemption: " + why;
    return out;
  }
  Reasons reasons;
  const auto best = find_victims(*pod, cache_, choice.crowded, next_node_, budgets_, nominations_, reasons);
  if (!best) {
    auto counts = reasons.counts();
    if (nodes.size() > choice.crowded.size())
      counts["Preemption is not helpful for scheduling"] += nodes.size() - choice.crowded.size();
    message += " preemption: " + fit_error(nodes.size(), counts);
    if (nominations_.forget(pod->uid)) {
      out.nominated = "";
      happened_locked(Changes::kPodGone);  // others may have the room
    }
    return out;
  }
  out.node = best->node->facts.name;
  out.nominated = out.node;
  out.victims = best->victims;
  auto& going = evictions_[pod->uid];
  going.clear();
  for (const auto& victim : out.victims) going.insert(victim->uid);
  out.outdone = nominations_.below(pod->priority, out.node);
  for (const auto& other : out.outdone) nominations_.forget(other->uid);
  nominations_.add(pod, out.node);
  return out;
}

void Scheduler::carry_out(const WaitingPtr& pod, const Clearing& clearing) {
  for (const auto& other : clearing.outdone) {
    auto request = request_for(*other, client::ApiRequest::PATCH);
    request.set_subresource("status");
    request.set_body(not_nominated_patch(*other));
    options_.client->call(std::move(request), [](const Expected<client::ApiResponse>&) {});
  }
  for (const auto& victim : clearing.victims) evict(pod, victim, clearing.node);
}

void Scheduler::evict(const WaitingPtr& pod, const PodPtr& victim, const std::string& node) {
  auto request = request_for(*victim, client::ApiRequest::PATCH);
  request.set_subresource("status");
  request.set_body(preempted_patch(*victim, options_.name, options_.clock->now_unix_ns()));
  options_.client->call(std::move(request), [life = life_, pod, victim, node](Expected<client::ApiResponse> answer) {
    const std::lock_guard hold(life->mutex);
    if (life->scheduler == nullptr) return;
    if (answer)
      life->scheduler->later([self = life->scheduler, pod, victim, node] { self->delete_victim(pod, victim, node); });
    else
      life->scheduler->not_evicted(pod, victim, answer.error());
  });
}

void Scheduler::delete_victim(const WaitingPtr& pod, const PodPtr& victim, const std::string& node) {
  auto request = request_for(*victim, client::ApiRequest::DELETE);
  metav1::DeleteOptions options;
  options.mutable_preconditions()->set_uid(victim->uid);
  request.set_body(options.SerializeAsString());
  options_.client->call(std::move(request), [life = life_, pod, victim, node](Expected<client::ApiResponse> answer) {
    const std::lock_guard hold(life->mutex);
    if (life->scheduler == nullptr) return;
    if (!answer) return life->scheduler->not_evicted(pod, victim, answer.error());
    life->scheduler->options_.record_event(reference_body(*victim), "Normal", "Preempted",
                                           "Preempted by pod " + pod->uid + " on node " + node);
  });
}

// The pod looks for victims anew after its backoff.
void Scheduler::not_evicted(const WaitingPtr& pod, const PodPtr& victim, const Status& why) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto mine = evictions_.find(pod->uid); mine != evictions_.end()) mine->second.erase(victim->uid);
    happened_locked(Changes::kPodGone);
    bell_.ring();
  }
  wake_.notify_one();
  if (why.code() != 404 && why.code() != 409)
    trouble("pod-not-preempted",
            "pod " + victim->ns + "/" + victim->name + " for " + pod->key() + ": " + why.message());
}

}  // namespace gantry::scheduler
