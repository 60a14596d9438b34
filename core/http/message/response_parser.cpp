// Beast's response parser; the body string is emptied between reads, which makes it a stream.
#include "core/http/message/response_parser.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cctype>

namespace gantry::http {

namespace beast_http = boost::beast::http;

struct ResponseParser::Impl {
  beast_http::response_parser<beast_http::string_body> parser;
  Status error;
};

ResponseParser::ResponseParser(bool head_request) : impl_(std::make_unique<Impl>()) {
  impl_->parser.eager(true);
  impl_->parser.header_limit(256 << 10);
  impl_->parser.body_limit(boost::none);
  impl_->parser.skip(head_request);
}
ResponseParser::~ResponseParser() = default;

size_t ResponseParser::feed(std::string_view bytes) {
  boost::beast::error_code error;
  size_t used = impl_->parser.put(boost::asio::const_buffer(bytes.data(), bytes.size()), error);
  if (error && error != beast_http::error::need_more) {
    impl_->error = Status::internal("malformed HTTP response: " + error.message());
  }
  return used;
}

void ResponseParser::feed_end() {
  boost::beast::error_code error;
  if (impl_->parser.got_some()) impl_->parser.put_eof(error);
  if (error || !impl_->parser.is_done()) {
    impl_->error = Status::unavailable("the server closed the connection");
  }
}

bool ResponseParser::head_done() const { return impl_->parser.is_header_done(); }
bool ResponseParser::done() const { return impl_->parser.is_done(); }
const Status& ResponseParser::error() const { return impl_->error; }
int ResponseParser::code() const { return impl_->parser.get().result_int(); }
bool ResponseParser::keep_alive() const { return impl_->parser.keep_alive(); }

http::Headers ResponseParser::headers() const {
  http::Headers headers;
  for (const auto& field : impl_->parser.get().base()) {
    std::string name(field.name_string());
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    headers.emplace_back(std::move(name), std::string(field.value()));
  }
  return headers;
}

std::string ResponseParser::take_body() { return std::exchange(impl_->parser.get().body(), {}); }

}  // namespace gantry::http
