// The kinds of volumes that this node has. A kind is one file of kinds/, and its line here; their order is of no
// account.
#include <span>

#include "core/node/volumes/volume_kind.hpp"

#define GANTRY_VOLUME_KINDS(kind)                                                                  \
  kind(config_map) kind(downward_api) kind(empty_dir) kind(host_path) kind(projected) kind(secret) \
      kind(service_account_token)

namespace gantry::node {

#define GANTRY_DECLARE(name)     \
  namespace volume_kinds::name { \
  VolumeKind kind();             \
  }
GANTRY_VOLUME_KINDS(GANTRY_DECLARE)
#undef GANTRY_DECLARE

namespace {

std::span<const VolumeKind> all_volume_kinds() {
#define GANTRY_ROW(name) volume_kinds::name::kind(),
  static const VolumeKind all[] = {GANTRY_VOLUME_KINDS(GANTRY_ROW)};
#undef GANTRY_ROW
  return all;
}

#undef GANTRY_VOLUME_KINDS

// How those are called in manifests that this node has no way to mount.
std::string_view unsupported_name(const corev1::VolumeSource& source) {
  if (source.has_persistent_volume_claim()) return "persistentVolumeClaim";
  if (source.has_nfs()) return "nfs";
  if (source.has_csi()) return "csi";
  if (source.has_ephemeral()) return "ephemeral";
  if (source.has_image()) return "image";
  if (source.has_iscsi()) return "iscsi";
  return "this kind of";
}

}  // namespace

Expected<const VolumeKind*> find_volume_kind(const corev1::VolumeSource& source) {
  for (const VolumeKind& kind : all_volume_kinds()) {
    if (kind.is != nullptr && kind.is(source)) return &kind;
  }
  return Status::invalid("no volume plugin matched: " + std::string(unsupported_name(source)) +
                         " volumes are not supported by this node");
}

Expected<const VolumeKind*> find_projection(const corev1::VolumeProjection& source) {
  for (const VolumeKind& kind : all_volume_kinds()) {
    if (kind.is_projected != nullptr && kind.is_projected(source)) return &kind;
  }
  return Status::invalid(source.has_cluster_trust_bundle()
                             ? "clusterTrustBundle projections are not supported by this node"
                             : "this kind of projection is not supported by this node");
}

}  // namespace gantry::node
