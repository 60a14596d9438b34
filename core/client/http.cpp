// make_chunk: owned bytes as a piece of a body. [any-thread]
#include "core/client/http.hpp"

namespace gantry::http {

Chunk make_chunk(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  return {*owner, owner};
}

}  // namespace gantry::http
