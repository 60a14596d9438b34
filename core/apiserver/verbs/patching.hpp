// Reads a patch request once and applies it to documents, maybe several times. Pure, any thread.
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

enum class PatchType : uint8_t { kJson, kMerge, kStrategic };

struct Patch {
  PatchType type = PatchType::kJson;
  Json body;
};

Expected<Patch> read_patch(const Call& call);
// The patched document, not yet canonical; the call pays for it.
Expected<Json> apply_patch(const Call& call, const Patch& patch, const schema::Message& message, const Json& document);

}  // namespace gantry::apiserver
