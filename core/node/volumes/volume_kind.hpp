// A kind of volume: one file of kinds/, and its line in volume_kinds.cpp. It says how it is called, where it lies, and
// makes it. Called by Volumes; blocks on the disk and on the API as the object cache does. [worker]
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/node/volumes/objects.hpp"
#include "core/node/volumes/projected_files.hpp"
#include "core/node/volumes/references.hpp"
#include "k8s.io/api/core/v1/volume.pb.h"

namespace gantry::node {

// What a kind has to work with. Borrows all.
struct VolumeTask {
  const corev1::Pod& pod;
  const PodFacts& facts;
  ObjectCache& objects;

  const std::string& ns() const { return pod.metadata().namespace_(); }
};

// One volume of a pod.
struct VolumeSetUp : VolumeTask {
  const corev1::Volume& volume;
  const std::filesystem::path& pod_dir;
  const std::filesystem::path& dir;  // where the volume lies

  const corev1::VolumeSource& source() const { return volume.volume_source(); }
};

struct VolumeKind {
  bool (*is)(const corev1::VolumeSource& source) = nullptr;  // null: it is a source of projected volumes alone
  // Its folder below the pod's "volumes", as the kubelet names it; or where on the machine such a volume is.
  std::string_view folder = {};
  const std::string& (*place)(const corev1::VolumeSource& source) = nullptr;
  bool read_only = false;  // whatever its mounts say
  // Makes it or brings it up to date; may be called again, and after a crash.
  Status (*set_up)(const VolumeSetUp& task) = nullptr;

  // As a source of a projected volume: adds its files, of this mode where it names none itself.
  bool (*is_projected)(const corev1::VolumeProjection& source) = nullptr;
  Status (*project)(const VolumeTask& task, const corev1::VolumeProjection& source, int32_t mode,
                    ProjectedFiles& files) = nullptr;
  bool secret = false;  // the files it adds are to lie in memory, not on the disk
};

// Failures name the kind as manifests do: "nfs volumes are not supported by this node".
Expected<const VolumeKind*> find_volume_kind(const corev1::VolumeSource& source);
Expected<const VolumeKind*> find_projection(const corev1::VolumeProjection& source);

}  // namespace gantry::node
