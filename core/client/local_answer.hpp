// Reads what the API server answers in-process: responses and watch messages cut as body_form.hpp says. Pure, any
// thread.
#pragma once

#include <string>
#include <vector>

#include "core/client/client.hpp"

namespace gantry::client {

std::string body_of(const http::Response& response);
// Why a response with an error code failed.
Status error_of(const http::Response& response);
Expected<ApiResponse> read_object(const http::Response& response);
Expected<Client::List> read_list(http::Response response, std::string* continuation = nullptr);

struct WatchMessage {
  WatchEvent event;
  Status error;  // set for an ERROR event
};
Expected<WatchMessage> read_watch_message(std::vector<http::Chunk> message);

}  // namespace gantry::client
