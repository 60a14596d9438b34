// What is a request, and what is none, in whatever pieces it comes.
#include "core/http/message/request_parser.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace gantry::http {
namespace {

constexpr size_t kHead = 1 << 20, kBody = 3 << 20;

// What became of some bytes: requests, and the error behind them.
struct Outcome {
  std::vector<http::Request> requests;
  int error = 0;
  std::string why;
};

Outcome parse(const std::string& bytes, size_t piece) {
  Outcome outcome;
  std::string in;
  RequestParser parser(kHead, kBody);
  RequestParser* at = &parser;
  std::unique_ptr<RequestParser> next;
  for (size_t sent = 0; sent < bytes.size(); sent += piece) {
    in += bytes.substr(sent, piece);
    for (size_t used = 1; used > 0 && !in.empty();) {
      used = at->feed(in);
      in.erase(0, used);
      if (!at->error().ok()) {
        outcome.error = at->error().code();
        outcome.why = at->error().message();
        return outcome;
      }
      if (!at->done()) continue;
      outcome.requests.push_back(at->take());
      next = std::make_unique<RequestParser>(kHead, kBody);
      at = next.get();
    }
  }
  return outcome;
}

// However it is cut, it means the same.
Outcome parse(const std::string& bytes) {
  auto whole = parse(bytes, bytes.size());
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}}) {
    const auto cut = parse(bytes, piece);
    EXPECT_EQ(cut.error, whole.error) << bytes << "\nin pieces of " << piece << ": " << cut.why;
    EXPECT_EQ(cut.requests.size(), whole.requests.size()) << bytes;
    for (size_t i = 0; i < std::min(cut.requests.size(), whole.requests.size()); ++i) {
      EXPECT_EQ(cut.requests[i].body, whole.requests[i].body);
    }
  }
  return whole;
}

std::string get(const std::string& fields) { return "GET / HTTP/1.1\r\nHost: x\r\n" + fields + "\r\n"; }
std::string chunked(const std::string& body) {
  return "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body;
}

TEST(RequestParser, RefusesWhatIsNoRequest) {
  struct Case {
    std::string bytes;
    int code;
  };
  const Case cases[] = {
      {"\x01\x02 garbage\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET  HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1\r\nHost: x\r\n\r\n", 400},
      {"GET / http/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505},
      {"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /\tb HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /#a HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /a%2 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET /a%?b HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: x\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: x\n\r\n", 400},
      {"\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      // targets
      {"GET healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET healthz?a=://x/api/v1/secrets HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET a://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET http:/// HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET http://x\\y/ HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      {"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400},
      // fields
      {get("Bad Name: x\r\n"), 400},
      {get("Name : x\r\n"), 400},
      {get(": x\r\n"), 400},
      {get("no colon\r\n"), 400},
      {get("A: b\r\n folded\r\n"), 400},
      {get("A: b\r\n\tfolded\r\n"), 400},
      {get(std::string("A: b\0c\r\n", 8)), 400},
      {get("A: b\x01\r\n"), 400},
      {get("A: b\rc\r\n"), 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {get("Expect: 200-ok\r\n"), 417},
      // lengths and codings
      {get("Content-Length: -1\r\n"), 400},
      {get("Content-Length: +1\r\n"), 400},
      {get("Content-Length: 1 1\r\n"), 400},
      {get("Content-Length: 0x1\r\n"), 400},
      {get("Content-Length:\r\n"), 400},
      {get("Content-Length: 99999999999999999999999\r\n"), 400},
      {get("Content-Length: 1\r\nContent-Length: 2\r\n"), 400},
      {get("Content-Length: 1\r\nContent-Length: 1\r\n"), 400},
      {get("Content-Length: 1, 1\r\n"), 400},
      {get("Content-Length: 3145729\r\n"), 413},
      {get("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"), 400},
      {get("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), 400},
      {get("Transfer-Encoding:\r\n"), 400},
      {get("Transfer-Encoding: ,\r\n"), 400},
      {get("Transfer-Encoding: xchunked\r\n"), 400},
      {get("Transfer-Encoding: identity\r\n"), 400},
      {get("Transfer-Encoding: gzip\r\n"), 400},
      {get("Transfer-Encoding: chunked, identity\r\n"), 400},
      {get("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n"), 400},
      {get("Transfer-Encoding: chunked, chunked\r\n"), 400},
      {get("Transfer-Encoding: chunked;a=b\r\n"), 400},
      {get("Transfer-Encoding: \x0b"
           "chunked\r\n"),
       400},
      {get("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      // chunks
      {chunked("zz\r\n"), 400},
      {chunked("\r\n"), 400},
      {chunked("-1\r\n"), 400},
      {chunked("0x1\r\na\r\n0\r\n\r\n"), 400},
      {chunked(" 1\r\na\r\n0\r\n\r\n"), 400},
      {chunked("1 \r\n"), 400},
      {chunked("1 b\r\n"), 400},
      {chunked("1\na\r\n0\r\n\r\n"), 400},
      {chunked("1\r\nab\r\n0\r\n\r\n"), 400},
      {chunked("1\r\na\n0\r\n\r\n"), 400},
      {chunked("1\r\na0\r\n\r\n"), 400},
      {chunked("1;a\x01\r\na\r\n"), 400},
      {chunked("10000000000000000\r\n"), 400},
      {chunked("10000000000000000\r\n\r\n"), 400},
      {chunked("ffffffffffffffff\r\n"), 413},
      {chunked("300001\r\n"), 413},
      {chunked("1\r\na\r\n300000\r\n"), 413},
      {chunked("0\r\nbad trailer\r\n\r\n"), 400},
      {chunked("0\r\n folded: x\r\n\r\n"), 400},
  };
  for (const auto& [bytes, code] : cases) {
    const auto outcome = parse(bytes + (code == 400 ? "GET /next HTTP/1.1\r\nHost: x\r\n\r\n" : ""));
    EXPECT_EQ(outcome.error, code) << bytes;
    EXPECT_TRUE(outcome.requests.empty()) << bytes;
  }
}

TEST(RequestParser, TakesRequestsInTurn) {
  const auto outcome = parse("\r\nPOST /a?b=c HTTP/1.1\r\nHOST: x:1\r\nContent-Length:   3  \r\nX-Y:\r\n\r\nabc" +
                             chunked("3;x=\"y\"\r\nabc\r\n2 ; z\r\nde\r\n0\r\nTrailer: t\r\n\r\n") +
                             "GET https://[::1]:6443?q HTTP/1.1\r\nHost:\r\n\r\n"
                             "GET HTTP://host/p/q HTTP/1.0\r\n\r\n"
                             "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"
                             "GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\nA: \xff\tb\r\n\r\n");
  EXPECT_EQ(outcome.error, 0) << outcome.why;
  ASSERT_EQ(outcome.requests.size(), 6U);
  const auto& first = outcome.requests[0];
  EXPECT_EQ(first.method + " " + first.path + " " + first.query + " " + first.body, "POST /a b=c abc");
  EXPECT_EQ(first.header("host"), "x:1");
  EXPECT_EQ(first.headers.back(), (std::pair<std::string, std::string>("x-y", "")));
  EXPECT_EQ(outcome.requests[1].body, "abcde");
  EXPECT_EQ(outcome.requests[1].header("trailer"), "");
  EXPECT_EQ(outcome.requests[2].path + " " + outcome.requests[2].query, "/ q");
  EXPECT_EQ(outcome.requests[3].path, "/p/q");
  EXPECT_EQ(outcome.requests[4].path, "*");
  EXPECT_EQ(outcome.requests[5].header("a"), "\xff\tb");
}

TEST(RequestParser, KnowsWhetherTheConnectionGoesOn) {
  const auto keeps = [](const std::string& version, const std::string& fields) {
    RequestParser parser(kHead, kBody);
    parser.feed("GET / HTTP/" + version + "\r\nHost: x\r\n" + fields + "\r\n");
    EXPECT_TRUE(parser.done());
    return parser.keep_alive();
  };
  EXPECT_TRUE(keeps("1.1", ""));
  EXPECT_TRUE(keeps("1.2", ""));
  EXPECT_FALSE(keeps("1.1", "Connection: x\r\nConnection: a, Close\r\n"));
  EXPECT_FALSE(keeps("1.0", ""));
  EXPECT_TRUE(keeps("1.0", "Connection: keep-alive\r\n"));
}

TEST(RequestParser, ExpectsOnlyWhereThereIsABody) {
  const auto expects = [](const std::string& version, const std::string& fields) {
    RequestParser parser(kHead, kBody);
    parser.feed("POST / HTTP/" + version + "\r\nHost: x\r\nExpect: 100-Continue\r\n" + fields + "\r\n");
    EXPECT_TRUE(parser.head_done());
    return parser.expects_continue();
  };
  EXPECT_TRUE(expects("1.1", "Content-Length: 1\r\n"));
  EXPECT_TRUE(expects("1.1", "Transfer-Encoding: chunked\r\n"));
  EXPECT_FALSE(expects("1.1", "Content-Length: 0\r\n"));
  EXPECT_FALSE(expects("1.0", "Content-Length: 1\r\n"));
}

TEST(RequestParser, HeadsUpToTheLimit) {
  const std::string open = "GET / HTTP/1.1\r\nHost: x\r\nA: ", close = "\r\n\r\n";
  const std::string value(kHead - open.size() - close.size(), 'v');
  RequestParser fits(kHead, kBody);
  EXPECT_EQ(fits.feed(open + value + close), kHead);
  EXPECT_TRUE(fits.done());
  EXPECT_EQ(fits.held(), kHead);
  RequestParser over(kHead, kBody);
  over.feed(open + value + "v" + close);
  EXPECT_EQ(over.error().code(), 431);
  RequestParser endless(kHead, kBody);
  endless.feed(open + value.substr(0, 1000));
  EXPECT_TRUE(endless.error().ok());
  endless.feed(open + value + close.substr(0, 2) + "xx");
  EXPECT_EQ(endless.error().code(), 431);
}

TEST(RequestParser, FieldsAreCounted) {
  std::string fields;
  for (int i = 0; i < 999; ++i) fields += "a:\r\n";
  EXPECT_EQ(parse(get(fields), 1 << 20).requests.size(), 1U);
  EXPECT_EQ(parse(get(fields + "a:\r\n"), 1 << 20).error, 431);
}

TEST(RequestParser, WhatIsNoBodyIsBounded) {
  EXPECT_EQ(parse(chunked("1;" + std::string(4090, 'x') + "\r\na\r\n0\r\n\r\n"), 1 << 20).error, 0);
  EXPECT_EQ(parse(chunked("1;" + std::string(4100, 'x')), 1 << 20).error, 400);
  std::string chunks, trailers;
  for (int i = 0; i < 5; ++i) chunks += "1;" + std::string(4000, 'x') + "\r\na\r\n";
  for (int i = 0; i < 5; ++i) trailers += "A: " + std::string(4000, 'x') + "\r\n";
  EXPECT_EQ(parse(chunked(chunks + "0\r\n\r\n"), 1 << 20).error, 400);
  EXPECT_EQ(parse(chunked("0\r\n" + trailers + "\r\n"), 1 << 20).error, 400);
}

TEST(RequestParser, SaysWhatItHoldsBeforeItIsThere) {
  RequestParser parser(kHead, kBody);
  const std::string head = get("Content-Length: 1000000\r\n");
  EXPECT_EQ(parser.held(), 0U);
  parser.feed(head);
  EXPECT_EQ(parser.held(), head.size() + 1'000'000);
  parser.limit_body(1'000'000);
  EXPECT_TRUE(parser.error().ok());
  parser.limit_body(999'999);
  EXPECT_EQ(parser.error().code(), 413);
  RequestParser by_chunks(kHead, kBody);
  const std::string chunks = chunked("");
  by_chunks.feed(chunks);
  by_chunks.limit_body(4);
  EXPECT_EQ(by_chunks.held() / 100, chunks.size() / 100);
  by_chunks.feed("4\r\nabcd\r\n");
  EXPECT_TRUE(by_chunks.error().ok());
  by_chunks.feed("1\r\n");
  EXPECT_EQ(by_chunks.error().code(), 413);
}

}  // namespace
}  // namespace gantry::http
