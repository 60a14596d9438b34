// Content negotiation: which form of an answer the Accept header asks for. Pure, any thread.
#pragma once

#include <string_view>

#include "core/schema/codec/codec.hpp"
#include "gantry/status.hpp"

namespace gantry::apiserver {

enum class As : uint8_t { kObject, kTable, kPartial };  // kPartial: PartialObjectMetadata(List)

struct Form {
  schema::Media media = schema::Media::kJson;
  As as = As::kObject;
};

// NotAcceptable when the server has nothing of what is asked for.
Expected<Form> negotiate(std::string_view accept);
std::string_view content_type(schema::Media media);

}  // namespace gantry::apiserver
