#include "namespace_controller.hpp"

#include <algorithm>

#include "content.hpp"
#include "gantry/ownership.hpp"
#include "gantry/refusals.hpp"
#include "gantry/times.hpp"

namespace gantry::namespaces {
namespace {

constexpr std::string_view kFinalizer = "kubernetes";
// A request that was admitted just before the namespace began to end may commit a moment later.
constexpr int64_t kSettleMs = 200;

}  // namespace

abi::ControllerSpec NamespaceController::spec() const {
  auto spec = watching<corev1::Namespace>("namespace");
  spec.set_watch_all_resources(true);
  // What disappears from a namespace may have been the last that held it.
  spec.mutable_all()->set_mapping(abi::WatchSpec::NAMESPACE);
  spec.mutable_all()->add_interests(abi::WatchSpec::GONE);
  spec.set_workers(2);
  return spec;
}

Expected<sdk::Controller::Result> NamespaceController::reconcile(const Key& key) {
  const auto cached = host().cached<corev1::Namespace>("", key.name);
  if (!cached || !cached->metadata().has_deletion_timestamp()) return Result{};
  auto object = host().get_object<corev1::Namespace>("", key.name);
  if (!object && object.error().code() == 404) {
    forget(cached->metadata().uid());
    return Result{};
  }
  if (!object) return std::move(object).error();
  if (!object->metadata().has_deletion_timestamp()) return Result{};
  auto marked = mark_terminating(std::move(*object));
  if (!marked) return std::move(marked).error();
  const auto& finalizers = marked->spec().finalizers();
  // Without our own finalizer the content is somebody else's business, or done.
  if (std::find(finalizers.begin(), finalizers.end(), kFinalizer) == finalizers.end()) return Result{};
  const Pass pass = delete_content(host(), key.name, to_ns(marked->metadata().deletion_timestamp()));
  return finish_pass(std::move(*marked), pass);
}

Expected<corev1::Namespace> NamespaceController::mark_terminating(corev1::Namespace object) const {
  if (object.status().phase() == "Terminating") return object;
  object.mutable_status()->set_phase("Terminating");
  return host().update(object, "status");
}

Expected<sdk::Controller::Result> NamespaceController::finish_pass(corev1::Namespace object, const Pass& pass) {
  const std::string uid = object.metadata().uid();
  auto written = write_conditions(std::move(object), pass);
  if (!written && written.error().code() == 404) return Result{};
  if (!written) return std::move(written).error();
  if (pass.failed() || !pass.empty()) forget(uid);
  if (pass.failed()) {
    const auto& errors = !pass.discovery_errors.empty() ? pass.discovery_errors
                         : !pass.version_errors.empty() ? pass.version_errors
                                                        : pass.delete_errors;
    return Status::internal(errors.front());
  }
  if (!pass.empty()) return Result{(pass.wait_seconds / 2 + 1) * 1000};
  if (const int64_t wait = settling_ms(uid); wait > 0) return Result{wait};
  if (auto done = finalize(*written); !done.ok()) return done;
  forget(uid);
  return Result{};
}

Expected<corev1::Namespace> NamespaceController::write_conditions(corev1::Namespace object, const Pass& pass) const {
  if (!set_conditions(*object.mutable_status(), pass, host().now_unix_ns())) return object;
  return host().update(object, "status");
}

Status NamespaceController::finalize(const corev1::Namespace& object) const {
  corev1::Namespace wanted = object;
  auto& finalizers = *wanted.mutable_spec()->mutable_finalizers();
  finalizers.erase(std::remove(finalizers.begin(), finalizers.end(), kFinalizer), finalizers.end());
  auto request = sdk::Host::request_for<corev1::Namespace>(sdk::ApiRequest::UPDATE, "", wanted.metadata().name());
  request.set_subresource("finalize");
  request.set_body(wanted.SerializeAsString());
  const auto answer = host().call(request);
  return sdk::unless_gone(answer);
}

int64_t NamespaceController::settling_ms(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  const int64_t now = host().monotonic_ns();
  const int64_t since = empty_since_ns_.emplace(uid, now).first->second;
  return std::max<int64_t>(0, kSettleMs - (now - since) / 1'000'000);
}

void NamespaceController::forget(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  empty_since_ns_.erase(uid);
}

}  // namespace gantry::namespaces
