// The labels and annotations by which the node finds its sandboxes and containers in the runtime, as the kubelet's.
// Pure.
#pragma once

#include <cstdint>
#include <string>

#include "gantry/runtime.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

namespace cri = gantry::runtime::v1;

namespace labels {
inline constexpr char kPodName[] = "io.kubernetes.pod.name";
inline constexpr char kPodNamespace[] = "io.kubernetes.pod.namespace";
inline constexpr char kPodUid[] = "io.kubernetes.pod.uid";
inline constexpr char kContainerName[] = "io.kubernetes.container.name";
inline constexpr char kHash[] = "io.kubernetes.container.hash";
inline constexpr char kRestartCount[] = "io.kubernetes.container.restartCount";
inline constexpr char kMessagePath[] = "io.kubernetes.container.terminationMessagePath";
inline constexpr char kMessagePolicy[] = "io.kubernetes.container.terminationMessagePolicy";
inline constexpr char kPodGrace[] = "io.kubernetes.pod.terminationGracePeriod";
inline constexpr char kPodDeletionGrace[] = "io.kubernetes.pod.deletionGracePeriod";
}  // namespace labels

// Changes when a running container has to be replaced: its name or image, as the kubelet's.
std::string container_hash(const corev1::Container& container);
int32_t restart_count(const cri::ContainerStatus& status);
bool hash_matches(const cri::ContainerStatus& status, const corev1::Container& container);

// "name_namespace(uid)", as messages name a pod.
std::string pod_title(const corev1::Pod& pod);

inline bool is_sidecar(const corev1::Container& init) { return init.restart_policy() == "Always"; }

}  // namespace gantry::node
