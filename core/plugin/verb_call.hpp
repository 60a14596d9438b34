// One verb of a plugin's table as a typed call: message in, message out. Blocks for as long as the plugin does.
#pragma once

#include <string>

#include "gantry/bytes.hpp"
#include "gantry/status.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::plugin {

template <typename Response, typename Verb>
Expected<Response> ask(Verb verb, void* instance, const std::string& request) {
  Buffer answer, error;
  if (const auto code = verb(instance, to_slice(request), answer.out(), error.out()); code != 0) {
    return status_of(code, error.view());
  }
  Response response;
  if (!response.ParseFromArray(answer.view().data(), static_cast<int>(answer.view().size()))) {
    return Status::internal("the plugin's answer could not be decoded");
  }
  return response;
}

}  // namespace gantry::plugin
