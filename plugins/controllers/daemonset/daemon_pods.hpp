// The pods of a DaemonSet: how one is made for a node, and for which node one was made. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "k8s.io/api/apps/v1/daemon_set.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::daemonset {

using appsv1::DaemonSet;
using corev1::Pod;

inline constexpr char kApiVersion[] = "apps/v1";
inline constexpr char kKind[] = "DaemonSet";
// On pods and revisions: which version of the template it is.
inline constexpr char kHashLabel[] = "controller-revision-hash";
// On pods: how often the template had changed, as the set's annotation says.
inline constexpr char kGenerationLabel[] = "pod-template-generation";
inline constexpr char kGenerationAnnotation[] = "deprecated.daemonset.template.generation";

// Troubles of a node that no daemon goes away for, in addition to what it tolerates itself.
void add_daemon_tolerations(corev1::PodSpec& spec);

// A pod of the present template for no node yet.
Pod make_pod(const DaemonSet& set, const std::string& hash);
// Asks the scheduler for this node and no other; what the template requires of nodes is fulfilled already.
void pin_to_node(Pod& pod, const std::string& node);
// The node that a pod is on, or is meant for; empty when it does not say. Borrows the pod.
std::string_view node_of(const Pod& pod);

const std::string& hash_of(const Pod& pod);

}  // namespace gantry::daemonset
