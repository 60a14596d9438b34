// Beast's parser does the syntax, limits and chunked bodies; this maps its answers to Statuses.
#include "core/apiserver/transport/request_parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>

#include "core/apiserver/transport/http_text.hpp"

namespace gantry::transport {

namespace beast_http = boost::beast::http;

struct RequestParser::Impl {
  beast_http::request_parser<beast_http::string_body> parser;
  Status error;
  size_t header_limit = 0, body_limit = 0;
};

RequestParser::RequestParser(uint32_t header_limit, size_t body_limit) : impl_(std::make_unique<Impl>()) {
  impl_->parser.eager(true);
  impl_->parser.header_limit(header_limit);
  impl_->parser.body_limit(body_limit);
  impl_->header_limit = header_limit;
  impl_->body_limit = body_limit;
}

RequestParser::~RequestParser() = default;

size_t RequestParser::feed(std::string_view bytes) {
  boost::beast::error_code error;
  size_t used = impl_->parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  // Beast 1.81 may ask for more for ever when a header crosses the limit between two reads.
  if (!impl_->parser.is_header_done() && bytes.size() - used > impl_->header_limit) {
    error = beast_http::error::header_limit;
  }
  if (!error || error == beast_http::error::need_more) return used;
  if (error == beast_http::error::body_limit) {
    impl_->error = Status::too_large("Request entity too large: limit is " + std::to_string(impl_->body_limit));
  } else if (error == beast_http::error::header_limit) {
    impl_->error = Status(431, "BadRequest", "request header fields too large");
  } else {
    impl_->error = Status::bad_request("malformed HTTP request: " + error.message());
  }
  return used;
}

bool RequestParser::head_done() const { return impl_->parser.is_header_done(); }
bool RequestParser::done() const { return impl_->parser.is_done(); }
const Status& RequestParser::error() const { return impl_->error; }

bool RequestParser::expects_continue() const {
  return equals_ignoring_case(impl_->parser.get()[beast_http::field::expect], "100-continue");
}

bool RequestParser::keep_alive() const { return impl_->parser.keep_alive(); }
bool RequestParser::chunks_allowed() const { return impl_->parser.get().version() >= 11; }

http::Request RequestParser::take() {
  auto message = impl_->parser.release();
  http::Request request;
  request.method = std::string(message.method_string());
  std::string_view target(message.target().data(), message.target().size());
  if (size_t scheme = target.find("://"); scheme != target.npos && target.front() != '/') {
    size_t slash = target.find('/', scheme + 3);
    target = slash == target.npos ? std::string_view("/") : target.substr(slash);
  }
  size_t mark = target.find('?');
  request.path = std::string(target.substr(0, mark));
  if (mark != target.npos) request.query = std::string(target.substr(mark + 1));
  for (const auto& field : message.base()) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    request.headers.emplace_back(std::move(name), std::string(field.value()));
  }
  request.body = std::move(message.body());
  return request;
}

}  // namespace gantry::transport
