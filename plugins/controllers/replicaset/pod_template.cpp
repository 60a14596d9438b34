#include "pod_template.hpp"

#include <algorithm>

#include "gantry/ownership.hpp"

namespace gantry::replicaset {
namespace {

constexpr size_t kMaxName = 253;

bool lower_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// A DNS subdomain: labels of lower-case letters, digits and inner dashes, divided by dots.
bool is_subdomain(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  char before = '.';
  for (const char c : name) {
    const bool joins = c == '.' || c == '-';
    if (!joins && !lower_alphanumeric(c)) return false;
    if (joins && (before == '.' || (c == '.' && before == '-'))) return false;
    before = c;
  }
  return lower_alphanumeric(before);
}

}  // namespace

std::string pod_name_prefix(std::string_view owner_name) {
  // The dash is followed by the generated part, so it counts as an inner one; the server shortens what gets too long.
  if (owner_name.size() + 1 > kMaxName || !is_subdomain(owner_name)) return "replicaset";
  return std::string(owner_name) + "-";
}

corev1::Pod pod_from_template(const appsv1::ReplicaSet& owner) {
  const auto& from = owner.spec().template_();
  corev1::Pod pod;
  auto& meta = *pod.mutable_metadata();
  meta.set_generate_name(pod_name_prefix(owner.metadata().name()));
  meta.set_namespace_(owner.metadata().namespace_());
  *meta.mutable_labels() = from.metadata().labels();
  *meta.mutable_annotations() = from.metadata().annotations();
  *meta.mutable_finalizers() = from.metadata().finalizers();
  *meta.add_owner_references() = sdk::controller_reference(owner.metadata(), "apps/v1", "ReplicaSet");
  *pod.mutable_spec() = from.spec();
  return pod;
}

}  // namespace gantry::replicaset
