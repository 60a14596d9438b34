// What lies in configMap, secret, downwardAPI and projected volumes, as files. [worker]
//
// Called by Volumes; reads API objects through the cache and may block as that does.
#pragma once

#include "core/node/runtime/container_environment.hpp"
#include "core/node/volumes/objects.hpp"
#include "core/node/volumes/projected_files.hpp"

namespace gantry::node {

// Failures in the kubelet's words (`configmap "x" not found`). A source that is optional and missing adds nothing.
Expected<ProjectedFiles> volume_content(const corev1::Pod& pod, const corev1::VolumeSource& source,
                                        const PodFacts& facts, ObjectCache& objects);
// Whether the content is secret: it then lies in memory, not on the disk.
bool secret_content(const corev1::VolumeSource& source);

}  // namespace gantry::node
