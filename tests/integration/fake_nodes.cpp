#include "tests/integration/fake_nodes.hpp"

#include <atomic>
#include <chrono>
#include <future>

#include "core/schema/values/values.hpp"
#include "gantry/pods.hpp"
#include "k8s.io/api/core/v1/binding.pb.h"

namespace gantry::integration {
namespace {

int64_t now_ns() { return std::chrono::system_clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

ApiRequest binding(const corev1::Pod& pod, const std::string& node) {
  corev1::Binding body;
  body.mutable_metadata()->set_name(pod.metadata().name());
  body.mutable_target()->set_kind("Node");
  body.mutable_target()->set_name(node);
  auto request = sdk::Host::request_for<corev1::Pod>(ApiRequest::CREATE, TestPlane::kNamespace, pod.metadata().name());
  request.set_subresource("binding");
  request.set_body(body.SerializeAsString());
  return request;
}

ApiRequest report(const corev1::Pod& pod, const std::string& phase, bool ready) {
  auto request = sdk::Host::request_for<corev1::Pod>(ApiRequest::PATCH, TestPlane::kNamespace, pod.metadata().name());
  request.set_subresource("status");
  request.set_patch_type(ApiRequest::STRATEGIC_MERGE_PATCH);
  request.set_body("{\"status\":{\"phase\":\"" + phase + "\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"" +
                   (ready ? "True" : "False") + "\",\"lastTransitionTime\":\"" + schema::format_time(now_ns()) +
                   "\"}]}}");
  return request;
}

ApiRequest confirm_end(const corev1::Pod& pod) {
  metav1::DeleteOptions at_once;
  at_once.set_grace_period_seconds(0);
  at_once.mutable_preconditions()->set_uid(pod.metadata().uid());
  auto request = sdk::Host::request_for<corev1::Pod>(ApiRequest::DELETE, TestPlane::kNamespace, pod.metadata().name());
  request.set_body(at_once.SerializeAsString());
  return request;
}

// All at once; errors are those of a pod that went or was changed meanwhile, and the next look sees that.
void send(TestPlane& plane, std::vector<ApiRequest> requests) {
  const size_t count = requests.size();
  if (count == 0) return;
  auto open = std::make_shared<std::atomic<size_t>>(count);
  auto all = std::make_shared<std::promise<void>>();
  for (auto& request : requests) {
    plane.client().call(std::move(request), [open, all](const Expected<ApiResponse>&) {
      if (--*open == 0) all->set_value();
    });
  }
  all->get_future().wait();
}

}  // namespace

FakeNodes::FakeNodes(TestPlane& plane, Policy policy, std::vector<std::string> nodes)
    : plane_(plane), nodes_(std::move(nodes)), policy_(std::move(policy)) {
  view_ = std::make_unique<View<corev1::Pod>>(plane, [this](const View<corev1::Pod>::Objects&) {
    const std::lock_guard lock(mutex_);
    wake();
  });
  thread_ = std::thread([this] { run(); });
}

FakeNodes::~FakeNodes() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  woken_.notify_all();
  thread_.join();
  view_.reset();
}

void FakeNodes::set_policy(Policy policy) {
  const std::lock_guard lock(mutex_);
  policy_ = std::move(policy);
  wake();
}

void FakeNodes::let_pods_end(bool let) {
  const std::lock_guard lock(mutex_);
  ends_ = let;
  wake();
}

void FakeNodes::wake() {
  dirty_ = true;
  woken_.notify_all();
}

void FakeNodes::run() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    woken_.wait(lock, [this] { return dirty_ || stopped_; });
    dirty_ = false;
    lock.unlock();  // the view calls back under its own lock
    const auto pods = view_->objects();
    lock.lock();
    auto requests = due(pods);
    lock.unlock();
    send(plane_, std::move(requests));
    lock.lock();
  }
}

std::vector<ApiRequest> FakeNodes::due(const View<corev1::Pod>::Objects& pods) {
  std::vector<ApiRequest> out;
  for (const auto& [name, pod] : pods) add_step(pod, out);
  return out;
}

void FakeNodes::add_step(const corev1::Pod& pod, std::vector<ApiRequest>& out) {
  if (pod.metadata().has_deletion_timestamp()) {
    if (ends_) out.push_back(confirm_end(pod));
    return;
  }
  if (sdk::is_finished(pod)) return;
  const Fate fate = policy_ ? policy_(pod) : Fate::kReady;
  if (fate == Fate::kUnscheduled) return;
  if (pod.spec().node_name().empty()) {
    out.push_back(binding(pod, nodes_[turn_++ % nodes_.size()]));
    return;
  }
  const std::string& phase = pod.status().phase();
  if (fate == Fate::kFailed) {
    out.push_back(report(pod, "Failed", false));
  } else if (fate == Fate::kReady && !sdk::is_ready(pod)) {
    out.push_back(report(pod, "Running", true));
  } else if (fate == Fate::kRunning && (phase != "Running" || sdk::is_ready(pod))) {
    out.push_back(report(pod, "Running", false));
  }
}

}  // namespace gantry::integration
