// A pod template as history keeps it: the strategic merge patch, in JSON, that brings an object back to it. It is what
// `kubectl rollout undo` sends, and, byte for byte, what upstream's controllers put into a ControllerRevision. Pure,
// any thread.
#pragma once

#include <string>
#include <string_view>

#include "gantry/status.hpp"
#include "k8s.io/api/core/v1/pod_template.pb.h"

namespace gantry::sdk {

// {"spec":{"template":{"$patch":"replace",...}}}, keys in order, as the server writes it again.
std::string template_patch(const corev1::PodTemplateSpec& from);

// The template of such a patch, whoever made it. Fields that nobody knows are passed over; 400 for what is no template.
Expected<corev1::PodTemplateSpec> template_of_patch(std::string_view json);

}  // namespace gantry::sdk
