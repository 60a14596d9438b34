// Streams of requests, good and broken, against the real server: each request gets one answer, what is no request
// closes the connection, and what is behind it is never a request.
//
// The corpus holds what other servers, or this one once, took for something else than it is. Options: fuzzing.hpp.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <mutex>
#include <random>

#include "core/http/message/request_parser.hpp"
#include "core/http/server/test_server.hpp"
#include "core/schema/fuzz/fuzzing.hpp"

namespace gantry::http {
namespace {

constexpr size_t kHead = 16 << 10, kBody = 64 << 10;

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  // A few requests one behind the other, one of them often broken.
  std::string next() {
    std::string out;
    for (uint64_t n = 1 + random_() % 4; n > 0; --n) out += chance(3) ? mutated(request()) : request();
    return chance(20) ? mutated(out) : out;
  }
  size_t piece() { return 1 + random_() % (chance(2) ? 8 : 4096); }

 private:
  bool chance(uint32_t one_in) { return random_() % one_in == 0; }
  std::string pick(std::initializer_list<std::string_view> choices) {
    return std::string(*(choices.begin() + static_cast<std::ptrdiff_t>(random_() % choices.size())));
  }
  std::string request() {
    const auto body = std::string(random_() % (chance(10) ? 40'000 : 20), 'b');
    std::string out =
        pick({"GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "CONNECT", "get"}) + " " +
        pick({"/", "/a?b=c", "/a/b%20c", "http://x/a", "https://x?q", "*", "a", "a?x=://y/z", "//", "x:1"}) + " " +
        pick({"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0"}) + "\r\n";
    if (!chance(12)) out += "Host: x\r\n";
    if (chance(6)) {
      out +=
          pick({"Host: y", "A : b", " folded", "A: b\r\n c", "Expect: 100-continue", "Expect: x", "Connection: close",
                "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==",
                "Transfer-Encoding: gzip", "Content-Length: 1", "Transfer-Encoding: identity", "A: \x01", "A"}) +
          "\r\n";
    }
    if (chance(2))
      return out + (body.empty() ? "" : "Content-Length: " + std::to_string(body.size()) + "\r\n") + "\r\n" + body;
    out += "Transfer-Encoding: " +
           (chance(8)
                ? pick({"", "xchunked", "identity", "chunked, gzip", "gzip, chunked", "chunked;a", "chunked,chunked"})
                : pick({"chunked", "Chunked", ", chunked"})) +
           "\r\n\r\n";
    for (size_t at = 0; at < body.size();) {
      const size_t part = std::min<size_t>(1 + random_() % 2'000, body.size() - at);
      char size[20];
      std::snprintf(size, sizeof(size), "%s%zx", chance(9) ? "000" : "", part);
      out += size + (chance(9) ? pick({";a", ";a=\"b\"", " ;c", " ", ";\x01", "g"}) : std::string()) + "\r\n";
      out += body.substr(at, part) + (chance(60) ? pick({"\n", "", "x\r\n"}) : std::string("\r\n"));
      at += part;
    }
    return out + "0\r\n" + (chance(9) ? pick({"T: t\r\n", "bad\r\n", " f: g\r\n", "T: t\n"}) : std::string()) + "\r\n";
  }
  std::string mutated(std::string text) {
    for (uint64_t rounds = 1 + random_() % 3; rounds > 0 && !text.empty(); --rounds) {
      const size_t at = random_() % text.size();
      switch (random_() % 6) {
        case 0:
          text[at] = static_cast<char>(random_());
          break;
        case 1:
          text.erase(at, 1 + random_() % 6);
          break;
        case 2:
          text.insert(at,
                      pick({"\r\n", "\r", "\n", "\r\n\r\n", ":", " ", "\t", "0\r\n\r\n", std::string_view("\0", 1)}));
          break;
        case 3:
          text.resize(at);
          break;
        case 4:
          text.insert(at, "GET /inner HTTP/1.1\r\nHost: x\r\n\r\n");
          break;
        default:
          text.insert(at, text.substr(at, 1 + random_() % 60));
          break;
      }
    }
    return text;
  }

  std::mt19937_64 random_;
};

// The answers in what came back; nothing when it is no row of answers.
struct Answer {
  int code = 0;
  std::string body;
};
std::optional<std::vector<Answer>> read_answers(std::string_view in, const std::vector<std::string>& methods) {
  std::vector<Answer> answers;
  while (!in.empty()) {
    const size_t end = in.find("\r\n\r\n");
    if (!in.starts_with("HTTP/1.1 ") || end == in.npos) return std::nullopt;
    const auto head = in.substr(0, end);
    in.remove_prefix(end + 4);
    Answer answer;
    answer.code = std::atoi(std::string(head.substr(9, 3)).c_str());
    if (answer.code == 100) continue;
    const size_t at = head.find("Content-Length: ");
    size_t length = at == head.npos ? 0 : std::strtoull(std::string(head.substr(at + 16, 20)).c_str(), nullptr, 10);
    if (answers.size() < methods.size() && methods[answers.size()] == "HEAD") length = 0;
    if (length > in.size()) return std::nullopt;
    answer.body = in.substr(0, length);
    in.remove_prefix(length);
    answers.push_back(std::move(answer));
  }
  return answers;
}

// What the parser alone makes of the input, fed whole.
struct Expected {
  std::vector<std::string> requests, methods;
  bool error = false, closed = false;
};
Expected expectation(const std::string& input) {
  Expected out;
  std::string_view rest = input;
  while (!rest.empty() && !out.closed) {
    RequestParser parser(kHead, kBody);
    while (!rest.empty() && parser.error().ok() && !parser.done()) {
      const size_t used = parser.feed(rest);
      rest.remove_prefix(used);
      if (used == 0) break;
    }
    if (!parser.error().ok()) {
      out.error = true;
      if (parser.head_done()) out.methods.push_back(parser.head().method);
      break;
    }
    if (!parser.done()) break;
    out.closed = !parser.keep_alive();
    const auto request = parser.take();
    out.requests.push_back(request.method + " " + request.path + " " + request.query + " " + request.body);
    out.methods.push_back(request.method);
  }
  return out;
}

class HttpFuzz : public testing::Test {
 protected:
  void handle(const http::Request& request, http::Exchange& exchange) {
    const std::lock_guard lock(mutex_);
    seen_.push_back(request.method + " " + request.path + " " + request.query + " " + request.body);
    exchange.respond(text_response(std::to_string(seen_.size())));
  }

  std::string talk(const std::string& input, Generator& generator) {
    const io::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    timeval limit{20, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (server_.directory + "/api.sock").copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    const size_t piece = std::max(generator.piece(), input.size() / 200);
    for (size_t at = 0; at < input.size(); at += piece) {
      if (::send(fd.get(), input.data() + at, std::min(piece, input.size() - at), MSG_NOSIGNAL) < 0) break;
    }
    ::shutdown(fd.get(), SHUT_WR);
    std::string out;
    char buffer[16384];
    for (ssize_t n = 0; (n = ::recv(fd.get(), buffer, sizeof(buffer), 0)) != 0;) {
      if (n < 0) {
        EXPECT_TRUE(errno == ECONNRESET) << "the connection stayed open";
        break;
      }
      out.append(buffer, static_cast<size_t>(n));
    }
    return out;
  }

  void check(const std::string& input, Generator& generator) {
    {
      const std::lock_guard lock(mutex_);
      seen_.clear();
    }
    const schema::fuzz::Bounded bounded(input.size(), CLOCK_PROCESS_CPUTIME_ID);
    const auto expected = expectation(input);
    const auto out = talk(input, generator);
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(seen_, expected.requests);
    const auto answers = read_answers(out, expected.methods);
    ASSERT_TRUE(answers) << out;
    ASSERT_EQ(answers->size(), seen_.size() + (expected.error ? 1 : 0)) << out;
    for (size_t i = 0; i < answers->size(); ++i) {
      const auto& answer = (*answers)[i];
      if (i < seen_.size()) {
        EXPECT_EQ(answer.code, 200);
      } else {
        EXPECT_TRUE(answer.code >= 400 && answer.code < 600) << answer.code;
      }
    }
    good_ += seen_.size();
    bad_ += expected.error ? 1 : 0;
  }

  std::mutex mutex_;
  std::vector<std::string> seen_;
  uint64_t good_ = 0, bad_ = 0;
  TestServer server_{[this](http::Request r, std::shared_ptr<http::Exchange> e) { handle(r, *e); },
                     [](ServerOptions& options) {
                       options.listen.clear();
                       options.header_limit = kHead;
                       options.body_limit = kBody;
                     }};
};

// A request that is one to some readers and another to others, and a second one that must not come out of its body.
std::string ahead(const std::string& lines, const std::string& body = "") {
  return "POST /a HTTP/1.1\r\n" + lines + "\r\n" + body + "GET /inner HTTP/1.1\r\nHost: x\r\n\r\n";
}
std::string chunked(const std::string& chunks) { return ahead("Host: x\r\nTransfer-Encoding: chunked\r\n", chunks); }

std::vector<std::string> corpus() {
  std::vector<std::string> out;
  for (const char* coding : {"", "xchunked", "identity", "chunked, identity", "gzip", "chunked, chunked", "chunked;a=b",
                             "\tchunked", "chunked,", "\"chunked\""}) {
    out.push_back(ahead("Host: x\r\nTransfer-Encoding: " + std::string(coding) + "\r\n"));
    out.push_back(ahead("Host: x\r\nTransfer-Encoding: " + std::string(coding) + "\r\n", "0\r\n\r\n"));
  }
  for (const char* lengths :
       {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "Content-Length: +5\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5, 5\r\n", "Content-Length: 0x5\r\n",
        "Content-Length: 18446744073709551616\r\n", "Content-Length: -1\r\n", "Content-Length : 5\r\n",
        "Content-Length:\r\n", "X: a\r\n Content-Length: 5\r\n", "X: a\nContent-Length: 5\r\n",
        "X: a\rContent-Length: 5\r\n"})
    out.push_back(ahead("Host: x\r\n" + std::string(lengths), "0\r\n\r\n"));
  for (const char* hosts : {"", "Host: a\r\nHost: b\r\n", "Host: a b\r\n", "Host:\r\n", "host : x\r\n"})
    out.push_back(ahead(hosts));
  for (const char* target : {"healthz?a=://x/api", "http:/x", "://x", "/a b", "/\x01", "/%", "/%zz", "/%00", "*", "//",
                             "/../a", "http://x", "http://x@y/", ""})
    out.push_back("GET " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n\r\n");
  for (const char* size :
       {"fffffffffffffffff", "-1", "+1", " 1", "1 ", "0x1", "1;", "1;a", "1;a=\"\r\n\"", "1\t", "g", ""})
    out.push_back(chunked(std::string(size) + "\r\nb\r\n0\r\n\r\n"));
  for (const char* rest : {"1\r\nb0\r\n\r\n", "1\nb\n0\n\n", "1\r\nb\r\n0\r\nHost: y\r\n\r\n",
                           "1\r\nb\r\n0\r\n a: b\r\n\r\n", "1\r\nb\r\n00\r\n\r\n", "0\r\n\r", "1\r\nbb\r\n0\r\n\r\n"})
    out.push_back(chunked(rest));
  for (const char* version : {"HTTP/1.0", "HTTP/0.9", "HTTP/1.10", "HTTP/2.0", "http/1.1", "HTTP/1.1 ", ""})
    out.push_back("GET / " + std::string(version) + "\r\nHost: x\r\n\r\n");
  out.push_back("\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
  out.push_back("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(2 * kHead, 'a'));
  out.push_back("GET / HTTP/1.1\r\nHost: x\r\n" + schema::fuzz::repeated("a:b\r\n", kHead / 5) + "\r\n");
  out.push_back(chunked(schema::fuzz::repeated("1;" + std::string(200, 'e') + "\r\nb\r\n", 300) + "0\r\n\r\n"));
  out.push_back(chunked("1\r\nb\r\n0\r\n" + schema::fuzz::repeated("t: u\r\n", kHead / 4) + "\r\n"));
  return out;
}

TEST_F(HttpFuzz, Corpus) {
  Generator generator(schema::fuzz::seed());
  for (const auto& input : corpus()) {
    SCOPED_TRACE(input.substr(0, 4'096));
    ASSERT_NO_FATAL_FAILURE(check(input, generator));
  }
}

TEST_F(HttpFuzz, OneAnswerARequestAndNoneBehindWhatIsNone) {
  Generator generator(schema::fuzz::seed());
  schema::fuzz::Rounds rounds(3'000);
  while (rounds.next()) {
    const auto input = generator.next();
    SCOPED_TRACE("input " + std::to_string(rounds.count()) + "\n" + input);
    ASSERT_NO_FATAL_FAILURE(check(input, generator));
  }
  EXPECT_GT(good_, rounds.count() / 5);
  EXPECT_GT(bad_, rounds.count() / 10);
}

}  // namespace
}  // namespace gantry::http
