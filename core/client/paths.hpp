// ApiRequest and WatchRequest as HTTP: method, path, query, headers. Pure functions, any thread.
// Used by every client that speaks to a Handler or a server.
#pragma once

#include <string>
#include <string_view>

#include "core/client/client.hpp"

namespace gantry::client {

std::string percent_encode(std::string_view text);
// "/api/v1/namespaces/x/pods/y/status"; empty parts are left out.
std::string resource_path(std::string_view group, std::string_view version, std::string_view ns,
                          std::string_view resource, std::string_view name = {}, std::string_view subresource = {});
// The request of any verb but DISCOVER; bodies and answers are protobuf.
http::Request to_http(ApiRequest request);
http::Request list_http(const WatchRequest& request);
http::Request watch_http(const WatchRequest& request);

}  // namespace gantry::client
