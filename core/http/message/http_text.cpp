// Heads are built by hand: a response costs one string.
#include "core/http/message/http_text.hpp"

#include <cctype>
#include <charconv>
#include <ctime>

#include "core/http/io/socket.hpp"

namespace gantry::http {
namespace {

// The Date header, formatted once a second for each thread.
const std::string& date_now() {
  thread_local std::time_t at = 0;
  thread_local std::string text;
  std::time_t now = std::time(nullptr);
  if (now != at) {
    std::tm parts{};
    ::gmtime_r(&now, &parts);
    char buffer[64];
    size_t n = std::strftime(buffer, sizeof(buffer), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    text.assign(buffer, n);
    at = now;
  }
  return text;
}

// Header values come from objects too (Warning): they must not break out of their line.
void append_value(std::string& out, std::string_view value) {
  for (char c : value) out += (c == '\r' || c == '\n' || c == '\0') ? ' ' : c;
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  bool upper = true;
  for (char c : name) {
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '-' && c != '_') continue;
    out += upper ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    upper = c == '-';
  }
  out += ": ";
  append_value(out, value);
  out += "\r\n";
}

void append_json(std::string& out, std::string_view text) {
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (u < 0x20) {
      char buffer[8];
      std::snprintf(buffer, sizeof(buffer), "\\u%04x", u);
      out += buffer;
    } else {
      out += c;
    }
  }
}

}  // namespace

std::string response_head(int code, std::string_view content_type, const http::Headers& headers,
                          const HeadOptions& options) {
  std::string out;
  out.reserve(256);
  out += "HTTP/1.1 ";
  out += std::to_string(code);
  out += ' ';
  out += reason_phrase(code);
  out += "\r\n";
  for (const auto& [name, value] : headers) append_header(out, name, value);
  if (!content_type.empty()) append_header(out, "Content-Type", content_type);
  if (code != 101) append_header(out, "Date", date_now());
  if (options.content_length) {
    append_header(out, "Content-Length", std::to_string(*options.content_length));
  }
  if (options.chunked) out += "Transfer-Encoding: chunked\r\n";
  if (options.close) out += "Connection: close\r\n";
  out += "\r\n";
  return out;
}

std::string chunk_head(size_t size) {
  char buffer[24];
  auto [end, error] = std::to_chars(buffer, buffer + sizeof(buffer), size, 16);
  std::string out(buffer, end);
  out += "\r\n";
  return out;
}

Status malformed(std::string_view what) { return Status::bad_request("malformed HTTP request: " + std::string(what)); }

http::Response status_response(const Status& status) {
  std::string body = R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":")";
  append_json(body, status.message());
  body += R"(","reason":")";
  append_json(body, status.reason());
  body += R"(","code":)" + std::to_string(status.code()) + "}\n";
  http::Response response;
  response.code = status.code();
  response.headers = {{"cache-control", "no-cache, private"}};
  if (status.code() == 401) response.headers.emplace_back("www-authenticate", "Bearer");
  if (status.code() == 429) response.headers.emplace_back("retry-after", "1");
  response.body.push_back(io::own(std::move(body)));
  return response;
}

std::string_view reason_phrase(int code) {
  switch (code) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 413:
      return "Request Entity Too Large";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Entity";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(a[i])) != std::tolower(static_cast<unsigned char>(b[i]))) {
      return false;
    }
  }
  return true;
}

bool has_token(std::string_view value, std::string_view token) {
  while (!value.empty()) {
    size_t comma = value.find(',');
    std::string_view item = value.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (equals_ignoring_case(item, token)) return true;
    if (comma == std::string_view::npos) break;
    value.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace gantry::http
