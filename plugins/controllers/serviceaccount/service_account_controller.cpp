#include "service_account_controller.hpp"

#include "k8s.io/api/core/v1/namespace.pb.h"
#include "k8s.io/api/core/v1/service_account.pb.h"

namespace gantry::service_accounts {
namespace {

constexpr const char* kName = "default";

}  // namespace

abi::ControllerSpec ServiceAccountController::spec() const {
  auto spec = watching<corev1::Namespace>("serviceaccount");
  watch<corev1::ServiceAccount>(spec, abi::WatchSpec::NAMESPACE).add_interests(abi::WatchSpec::GONE);
  return spec;
}

Expected<sdk::Controller::Result> ServiceAccountController::reconcile(const Key& key) {
  const auto found = host().cached<corev1::Namespace>("", key.name);
  if (!found || found->metadata().has_deletion_timestamp() || found->status().phase() == "Terminating") {
    return Result{};
  }
  if (host().cached<corev1::ServiceAccount>(key.name, kName)) return Result{};
  corev1::ServiceAccount account;
  account.mutable_metadata()->set_namespace_(key.name);
  account.mutable_metadata()->set_name(kName);
  const auto made = host().create(key.name, account);
  if (made || made.error().reason() == "AlreadyExists") return Result{};
  // The namespace ended between the cache's last news and this request.
  const bool ended = made.error().code() == 404 || made.error().code() == 403;
  if (ended) {
    const auto now = host().get_object<corev1::Namespace>("", key.name);
    if (!now && now.error().code() == 404) return Result{};
    if (now && now->metadata().has_deletion_timestamp()) return Result{};
  }
  return made.error();
}

}  // namespace gantry::service_accounts
