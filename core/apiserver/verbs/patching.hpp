// Reads a patch request once and applies it to documents, maybe several times. Pure, any thread.
#pragma once

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

enum class PatchType : uint8_t { kJson, kMerge, kStrategic };

struct Patch {
  PatchType type = PatchType::kJson;
  Json body;
  Status broken;                      // why the body is no patch: told once there is something to apply it to
  std::vector<std::string> problems;  // fields that stand twice, or that no operation has
};

Expected<Patch> read_patch(const Call& call);
// The patched document in canonical form; the call pays for it, and gets the warnings. Errors are upstream's: 400 for
// what is no patch, 422 for what doesn't fit the object or its type.
Expected<Json> patched(Call& call, const Patch& patch, const schema::Message& message, std::string_view api_version,
                       std::string_view kind, const Json& document);

}  // namespace gantry::apiserver
