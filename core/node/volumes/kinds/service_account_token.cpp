// serviceAccountToken, a source of projected volumes. Nobody issues tokens yet: the file is left out and the pod
// starts, for most pods never look at it.
#include "core/node/volumes/volume_kind.hpp"

namespace gantry::node::volume_kinds::service_account_token {

VolumeKind kind() {
  return {
      .is_projected = [](const corev1::VolumeProjection& source) { return source.has_service_account_token(); },
      .project = [](const VolumeTask&, const corev1::VolumeProjection&, int32_t, ProjectedFiles&) { return Status(); }};
}

}  // namespace gantry::node::volume_kinds::service_account_token
