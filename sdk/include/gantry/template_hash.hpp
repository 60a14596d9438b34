// A short, stable name for a pod template. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "k8s.io/api/core/v1/pod_template.pb.h"

namespace gantry::sdk {

// FNV-1a of the template (and of how often earlier hashes were taken).
std::string template_hash(const corev1::PodTemplateSpec& spec, std::optional<int32_t> collisions);

// A number in letters that make no words and no look-alikes.
std::string safe_text(uint32_t hash);

// "<owner>-<hash>", the first part shortened where the whole would be no valid name.
std::string hashed_name(std::string_view owner, std::string_view hash);

}  // namespace gantry::sdk
