// Cuts protobuf bodies that came over a network into the chunks of body_form.hpp, without copying.
//
// Hostile bytes are left whole: the reader of the chunks then says that they can't be decoded. Pure, any
// thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/http.hpp"
#include "gantry/status.hpp"

namespace gantry::client {

// A list becomes prefix, metadata, then header and object in turn; anything else stays one chunk.
std::vector<http::Chunk> cut_body(std::string body);

// Splits a watch's bytes into frames as they come.
class FrameSplitter {
 public:
  void append(std::string_view bytes) { buffer_ += bytes; }
  // One frame with its length, cut for the reader; none: more bytes are needed. Error: not a frame.
  Expected<std::optional<std::vector<http::Chunk>>> next();

 private:
  std::string buffer_;
  size_t used_ = 0;
};

// A response in protobuf for a Status, and for a body that holds one in JSON.
http::Response status_body(const Status& status);
http::Response from_json_status(int code, const std::string& body);

}  // namespace gantry::client
