// The pod that a controller makes from a template. Pure, any thread.
#pragma once

#include "k8s.io/api/core/v1/pod.pb.h"
#include "k8s.io/api/core/v1/pod_template.pb.h"

namespace gantry::sdk {

// A pod of the owner's namespace, named after it by the server ("<owner>-x7k2p"), with the template's labels,
// annotations, finalizers and spec. `reference`: the owner, as controller_reference() makes it.
corev1::Pod pod_from_template(const corev1::PodTemplateSpec& from, const metav1::ObjectMeta& owner,
                              metav1::OwnerReference reference);

}  // namespace gantry::sdk
