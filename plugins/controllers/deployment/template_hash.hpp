// A short, stable name for a pod template. Pure, any thread.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "k8s.io/api/core/v1/pod_template.pb.h"

namespace gantry::deployment {

// Equal messages give equal bytes, also where maps are filled in another order.
std::string canonical_bytes(const google::protobuf::MessageLite& message);

// FNV-1a of the template (and of how often earlier hashes were taken), in letters that make no words and no
// look-alikes.
std::string template_hash(const corev1::PodTemplateSpec& spec, std::optional<int32_t> collisions);

// "<deployment>-<hash>", the first part shortened where the whole would be no valid name.
std::string replica_set_name(std::string_view deployment, std::string_view hash);

}  // namespace gantry::deployment
