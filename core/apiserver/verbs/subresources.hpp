// The subresources that the server knows how to serve, one file each. What is written by an object of another kind
// (pods/binding) is no line here: the kind says it (schema::SubresourceWrite). [any-thread]
#pragma once

#include <string_view>

#include "core/apiserver/verbs/verbs.hpp"

namespace gantry::apiserver {

struct SubresourceRoute {
  std::string_view name;
  // Null: the object's own verb, which looks at the subresource.
  void (*run)(const CallPtr& call) = nullptr;
  // Its body is no document: it does not care what the caller accepts, and has no deadline.
  bool streams = false;
  // Opens a connection, which is one to the admission chain too, and for which the right to read is not enough: by
  // WebSocket it begins with GET.
  bool connects = false;
  // Known, but not served: run says so in words that kubectl shows, to who might use it if it were.
  bool missing = false;
};

// Null: unknown.
const SubresourceRoute* find_subresource(std::string_view name);

}  // namespace gantry::apiserver
