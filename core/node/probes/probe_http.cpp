// One GET of HTTP/1.1, with or without TLS, read just far enough to judge it.
#include <poll.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <deque>
#include <optional>
#include <string_view>

#include "core/http/io/socket.hpp"
#include "core/http/message/response_parser.hpp"
#include "core/node/probes/probe_net.hpp"

namespace gantry::node {
namespace {

constexpr size_t kMaxHead = 64 << 10;
constexpr size_t kMaxBody = 10 << 10;  // as the kubelet: what a probe says is not worth more
constexpr int kMaxRedirects = 10;
constexpr std::string_view kTimeout = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
constexpr std::string_view kBodyTimeout =
    "context deadline exceeded (Client.Timeout or context cancellation while reading body)";

struct HttpAnswer {
  int code = 0;
  std::string location, body;
};

bool same_text(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

// A request line holds no blanks and no control characters.
std::string escaped(std::string_view path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const unsigned char c : path) {
    if (c > ' ' && c < 0x7f) {
      out += static_cast<char>(c);
    } else {
      out += '%';
      out += kDigits[c >> 4];
      out += kDigits[c & 15];
    }
  }
  return out;
}

// Nothing in a header may begin a line of its own. Empty when all are fine.
std::string bad_header(const HttpProbe& probe) {
  const auto breaks = [](const std::string& text) {
    return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos;
  };
  for (const auto& [name, value] : probe.headers) {
    if (name.empty() || breaks(name) || name.find_first_of(": ") != std::string::npos) {
      return "net/http: invalid header field name \"" + name + "\"";
    }
    if (breaks(value)) return "net/http: invalid header field value for \"" + name + "\"";
  }
  return {};
}

std::string url_of(const HttpProbe& probe) {
  return std::string(probe.tls ? "https" : "http") + "://" + host_port(probe.host, probe.port) + probe.path;
}

std::string request_of(const HttpProbe& probe) {
  std::string host = host_port(probe.host, probe.port), agent = "kube-probe/1.36", accept = "*/*", rest;
  for (const auto& [name, value] : probe.headers) {
    if (same_text(name, "Host"))
      host = value;
    else if (same_text(name, "User-Agent"))
      agent = value;
    else if (same_text(name, "Accept"))
      accept = value;
    else
      rest += name + ": " + value + "\r\n";
  }
  std::string out = "GET " + probe.path + " HTTP/1.1\r\nHost: " + host + "\r\n";
  // An empty value takes the header away.
  if (!agent.empty()) out += "User-Agent: " + agent + "\r\n";
  if (!accept.empty()) out += "Accept: " + accept + "\r\n";
  return out + rest + "Connection: close\r\n\r\n";
}

// A socket whose calls wait until the deadline.
class Connection {
 public:
  Connection(io::UniqueFd fd, const Deadline& deadline) : socket_(std::move(fd)), deadline_(deadline) {}

  Status start_tls(const std::string& host) {
    auto context = io::TlsContext::client({.insecure = true});
    if (!context) return std::move(context).error();
    if (auto started = socket_.start_tls(**context, false, host); !started.ok()) return started;
    return until([this] { return socket_.handshake(); }, "tls: handshake failure");
  }

  Status send(std::string text) {
    std::deque<http::Chunk> queue{io::own(std::move(text))};
    std::array<char, 4096> scratch;
    while (!queue.empty()) {
      auto sent = until([&] { return socket_.write(queue, scratch); }, "write: broken pipe");
      if (!sent.ok()) return sent;
    }
    return {};
  }

  // Appends what comes next; an ok Status with nothing appended is the end.
  Status receive(std::string& into) {
    std::array<char, 4096> block;
    size_t n = 0;
    auto status = until(
        [&] {
          const auto result = socket_.read(block);
          n = result.bytes;
          return result;
        },
        "read: connection reset by peer");
    if (status.ok()) into.append(block.data(), n);
    return status;
  }

 private:
  template <typename Step>
  Status until(Step&& step, const char* broken) {
    while (true) {
      const auto result = step();
      switch (result.state) {
        case io::IoState::kOk:
          return {};
        case io::IoState::kEof:
          return {};
        case io::IoState::kError:
          return Status::unavailable(broken);
        case io::IoState::kWantRead:
          if (!deadline_.wait(socket_.fd(), POLLIN)) return Status::timeout({});
          break;
        case io::IoState::kWantWrite:
          if (!deadline_.wait(socket_.fd(), POLLOUT)) return Status::timeout({});
          break;
      }
    }
  }

  io::Socket socket_;
  const Deadline& deadline_;
};

// The answer's first line, or the beginning of what is none.
std::string status_line_of(std::string_view raw) {
  return std::string(raw.substr(0, std::min<size_t>(raw.find('\r'), 64)));
}

std::string location_of(const http::ResponseParser& answer) {
  for (const auto& [name, value] : answer.headers()) {
    if (name == "location") return value;
  }
  return {};
}

// Reads one answer from its first byte on, as far as it counts. Failures are in Go's words.
class AnswerReader {
 public:
  AnswerReader(Connection& connection, HttpAnswer& out) : connection_(connection), out_(out) {}

  Status read() {
    while (true) {
      if (auto taken = take(); !taken.ok() || complete_) return taken;
      const size_t before = raw_.size();
      if (auto got = connection_.receive(raw_); !got.ok()) {
        return got.code() == 504 ? Status::timeout(std::string(in_body() ? kBodyTimeout : kTimeout)) : got;
      }
      if (raw_.size() == before) return end();
    }
  }

 private:
  bool in_body() const { return parser_->head_done(); }

  Status take() {
    if (raw_.empty()) return {};
    const bool body = in_body();
    if (!body) line_ = line_.empty() ? status_line_of(raw_) : line_;
    const size_t used = parser_->feed(raw_);
    raw_.erase(0, used);
    head_ += used;
    if (!parser_->error().ok()) {
      return Status::unavailable(
          in_body() ? "malformed chunked encoding"
                    : "net/http: HTTP/1.x transport connection broken: malformed HTTP response \"" + line_ + "\"");
    }
    if (!in_body()) {
      return head_ + raw_.size() <= kMaxHead
                 ? Status()
                 : Status::unavailable("net/http: HTTP/1.x transport connection broken: headers too long");
    }
    if (parser_->code() < 200 && parser_->code() != 101) return next();
    if (!body) out_ = {parser_->code(), location_of(*parser_), {}};
    out_.body += parser_->take_body();
    complete_ = parser_->done() || out_.body.size() >= kMaxBody;
    if (out_.body.size() > kMaxBody) out_.body.resize(kMaxBody);
    return {};
  }

  // Behind an interim answer.
  Status next() {
    parser_ = std::make_unique<http::ResponseParser>(false);
    line_.clear();
    head_ = 0;
    return take();
  }

  Status end() {
    if (!in_body()) return Status::unavailable(line_.empty() ? "EOF" : "unexpected EOF");
    parser_->feed_end();
    if (!parser_->error().ok()) return Status::unavailable("unexpected EOF");
    return {};
  }

  Connection& connection_;
  HttpAnswer& out_;
  std::unique_ptr<http::ResponseParser> parser_ = std::make_unique<http::ResponseParser>(false);
  std::string raw_, line_;
  size_t head_ = 0;
  bool complete_ = false;
};

// Failures are in Go's words, without the URL.
Expected<HttpAnswer> get(const HttpProbe& probe, const Deadline& deadline) {
  auto fd = dial(probe.host, probe.port, deadline);
  if (!fd) return fd.error().reason() == "Timeout" ? Status::timeout(std::string(kTimeout)) : fd.error();
  Connection connection(std::move(*fd), deadline);
  const auto late = [](Status status) {
    return status.code() == 504 ? Status::timeout(std::string(kTimeout)) : status;
  };
  if (probe.tls) {
    if (auto done = connection.start_tls({}); !done.ok()) return late(std::move(done));
  }
  if (auto sent = connection.send(request_of(probe)); !sent.ok()) return late(std::move(sent));
  HttpAnswer answer;
  if (auto read = AnswerReader(connection, answer).read(); !read.ok()) return read;
  return answer;
}

// Where a redirect leads; nullopt when it leaves the host.
std::optional<HttpProbe> redirected(const HttpProbe& from, const std::string& location) {
  HttpProbe to = from;
  std::string_view rest = location;
  const auto scheme = rest.find("://");
  if (scheme == std::string_view::npos && !rest.starts_with("//")) {
    if (rest.starts_with('/'))
      to.path = rest;
    else
      to.path = from.path.substr(0, from.path.substr(0, from.path.find('?')).rfind('/') + 1) + location;
    return to;
  }
  if (scheme != std::string_view::npos) {
    if (!same_text(rest.substr(0, scheme), "http") && !same_text(rest.substr(0, scheme), "https")) return std::nullopt;
    to.tls = same_text(rest.substr(0, scheme), "https");
    rest.remove_prefix(scheme);
  }
  rest.remove_prefix(rest.find("//") + 2);
  const auto slash = std::min(rest.find_first_of("/?#"), rest.size());
  auto authority = rest.substr(0, slash);
  to.path = rest.substr(slash);
  if (!to.path.starts_with('/')) to.path.insert(0, "/");
  to.port = to.tls ? 443 : 80;
  const auto colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
    std::from_chars(authority.data() + colon + 1, authority.data() + authority.size(), to.port);
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
  if (!same_text(authority, from.host)) return std::nullopt;
  return to;
}

bool follows(int code) { return code == 301 || code == 302 || code == 303 || code == 307 || code == 308; }

}  // namespace

ProbeOutcome probe_http(const HttpProbe& probe, const Deadline& deadline) {
  HttpProbe at = probe;
  if (auto bad = bad_header(probe); !bad.empty()) {
    return {ProbeResult::kFailure, "Get \"" + url_of(at) + "\": " + std::move(bad)};
  }
  for (int redirects = 0;; ++redirects) {
    at.path = escaped(at.path.substr(0, at.path.find('#')));
    if (!at.path.starts_with('/')) at.path.insert(0, "/");
    const auto answer = get(at, deadline);
    if (!answer) return {ProbeResult::kFailure, "Get \"" + url_of(at) + "\": " + answer.error().message()};
    if (follows(answer->code) && !answer->location.empty()) {
      if (const auto next = redirected(at, answer->location)) {
        if (redirects + 1 >= kMaxRedirects) {
          return {ProbeResult::kFailure, "Get \"" + url_of(*next) + "\": stopped after 10 redirects"};
        }
        at = *next;
        continue;
      }
    }
    if (answer->code < 200 || answer->code >= 400) {
      return {ProbeResult::kFailure, "HTTP probe failed with statuscode: " + std::to_string(answer->code)};
    }
    if (answer->code >= 300) {
      return {ProbeResult::kWarning, "Probe terminated redirects, Response body: " + answer->body};
    }
    return {ProbeResult::kSuccess, answer->body};
  }
}

}  // namespace gantry::node
