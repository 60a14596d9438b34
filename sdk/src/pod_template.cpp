#include "gantry/pod_template.hpp"

#include <utility>

namespace gantry::sdk {
namespace {

constexpr size_t kMaxName = 253;

}  // namespace

corev1::Pod pod_from_template(const corev1::PodTemplateSpec& from, const metav1::ObjectMeta& owner,
                              metav1::OwnerReference reference) {
  corev1::Pod pod;
  auto& meta = *pod.mutable_metadata();
  // The server shortens what gets too long, and refuses what is longer than a name to begin with.
  meta.set_generate_name(owner.name().size() < kMaxName ? owner.name() + "-" : owner.name());
  meta.set_namespace_(owner.namespace_());
  *meta.mutable_labels() = from.metadata().labels();
  *meta.mutable_annotations() = from.metadata().annotations();
  *meta.mutable_finalizers() = from.metadata().finalizers();
  *meta.add_owner_references() = std::move(reference);
  *pod.mutable_spec() = from.spec();
  return pod;
}

}  // namespace gantry::sdk
