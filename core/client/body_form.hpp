// How the API server cuts protobuf bodies into chunks, so that the in-process client can keep references to the
// stored encodings instead of copying them. Shared by core/apiserver (writes) and local_client (reads).
//
// A list:        [envelope prefix][metadata field] then per object [item header][object], last [envelope end]
// A watch event: [frame header and envelope prefix][object][envelope end]
// "object" is the plain protobuf of one object, without envelope, in one chunk.
#pragma once

#include <cstddef>
#include <string_view>

namespace gantry::client::body_form {

constexpr size_t kListMetadata = 1;
constexpr size_t kFirstObject = 3;
constexpr size_t kObjectStep = 2;
constexpr size_t kWatchHeader = 0;
constexpr size_t kWatchObject = 1;
constexpr std::string_view kProtobuf = "application/vnd.kubernetes.protobuf";

}  // namespace gantry::client::body_form
