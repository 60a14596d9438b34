// The server as curl and OpenSSL see it: identities, bodies, streams, limits.
#include "core/http/server/https_server.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <mutex>
#include <thread>

#include "core/http/server/test_server.hpp"
#include "core/http/server/testing_client.hpp"

namespace gantry::http {
namespace {

// Standard output of a shell command.
std::string shell(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 65536> buffer{};
  while (size_t n = ::fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), n);
  ::pclose(pipe);
  return out;
}

std::string curl(const TestServer& server, const std::string& arguments, const std::string& path) {
  return shell("curl -s --max-time 20 --cacert " + server.pki.ca_certificate + " " + arguments + " '" +
               server.url(path) + "' 2>&1");
}

std::string admin(const TestServer& server) {
  return "--cert " + server.pki.admin_certificate + " --key " + server.pki.admin_key + " ";
}

void who(http::Request request, std::shared_ptr<http::Exchange> exchange) {
  std::string text = request.method + " " + request.path + "?" + request.query + " " + request.identity.user;
  for (const auto& group : request.identity.groups) text += " " + group;
  text += " " + std::to_string(request.body.size());
  exchange->respond(text_response(text));
}

TEST(HttpsServer, SaysWhoAsks) {
  TestServer server(who);
  EXPECT_EQ(curl(server, "", "/a?b=c"), "GET /a?b=c system:anonymous system:unauthenticated 0");
  EXPECT_EQ(curl(server, admin(server), "/a"), "GET /a? kubernetes-admin system:masters system:authenticated 0");
  EXPECT_EQ(shell("curl -s --unix-socket " + server.directory + "/api.sock http://x/y"),
            "GET /y? system:admin system:masters system:authenticated 0");
  struct stat info {};
  ::stat((server.directory + "/api.sock").c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0600U);
}

TEST(HttpsServer, RefusesBadCredentials) {
  TestServer server(who);
  char name[] = "/tmp/gantry-other-XXXXXX";
  std::string other = ::mkdtemp(name);
  auto stranger = auth::ensure_pki(other, {});
  ASSERT_TRUE(stranger.ok());
  std::string unauthorized =
      R"({"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401})"
      "\n";
  EXPECT_EQ(curl(server, "--cert " + stranger->admin_certificate + " --key " + stranger->admin_key, "/"), unauthorized);
  int64_t now = std::time(nullptr);
  ASSERT_TRUE(auth::issue_client_certificate(server.pki, {"late", {}}, now - 1000, now - 10, other + "/late.crt",
                                             other + "/late.key")
                  .ok());
  EXPECT_EQ(curl(server, "--cert " + other + "/late.crt --key " + other + "/late.key", "/"), unauthorized);
  EXPECT_EQ(curl(server, "-H 'Authorization: Bearer nope'", "/"), unauthorized);
  std::filesystem::remove_all(other);
}

TEST(HttpsServer, BodiesUpToTheLimit) {
  TestServer server(who);
  std::string file = server.directory + "/body";
  shell("head -c 3145728 /dev/zero > " + file);
  const std::string whole = "POST /x? kubernetes-admin system:masters system:authenticated 3145728";
  EXPECT_EQ(curl(server, admin(server) + "--data-binary @" + file, "/x"), whole);
  EXPECT_EQ(curl(server, admin(server) + "-H 'Transfer-Encoding: chunked' --data-binary @" + file, "/x"), whole);
  shell("head -c 1 /dev/zero >> " + file);
  for (const char* how : {"", "-H 'Transfer-Encoding: chunked' ", "-H 'Expect:' "}) {
    EXPECT_NE(
        curl(server, admin(server) + how + "--data-binary @" + file, "/x")
            .find(
                R"("message":"Request entity too large: limit is 3145728","reason":"RequestEntityTooLarge","code":413)"),
        std::string::npos)
        << how;
  }
}

// Who waits with an answer is told at once that nobody wants it; once only, and not of who has been answered.
TEST(HttpsServer, TellsThatAPeerLeftBeforeHisAnswer) {
  std::mutex mutex;
  std::condition_variable changed;
  std::string heard;
  std::shared_ptr<http::Exchange> kept;
  TestServer server([&](http::Request request, std::shared_ptr<http::Exchange> exchange) {
    exchange->when_left([&, path = request.path] {
      const std::lock_guard lock(mutex);
      heard += path;
      changed.notify_all();
    });
    if (request.path == "/answered") exchange->respond(text_response("here"));
    const std::lock_guard lock(mutex);
    kept = std::move(exchange);
    changed.notify_all();
  });
  const auto until = [&](auto condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::seconds(20), condition);
  };
  const auto forget = [&] {
    const std::lock_guard lock(mutex);
    kept.reset();
  };
  EXPECT_EQ(curl(server, "", "/answered"), "here");
  // It is kept after it was answered: the next one must not be taken for it.
  ASSERT_TRUE(until([&] { return kept != nullptr; }));
  for (const bool known : {true, false}) {
    forget();
    auto client = std::make_unique<RawClient>(known ? RawClient::admin(server) : RawClient(server.port(), true));
    client->send("GET /left HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(until([&] { return kept != nullptr; }));
    EXPECT_TRUE(kept->open());
    client.reset();
    ASSERT_TRUE(until([&] { return heard == (known ? "/left" : "/left/left"); })) << heard;
    EXPECT_FALSE(kept->open());
  }
  // One that says so, where the others were just gone.
  forget();
  curl(server, "--max-time 0.3", "/said");
  ASSERT_TRUE(until([&] { return heard == "/left/left/said"; })) << heard;
  EXPECT_FALSE(kept->open());
  std::promise<void> late;
  kept->when_left([&] { late.set_value(); });
  EXPECT_EQ(late.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready) << "he has left already";
}

TEST(HttpsServer, HeadKeepsTheLengthAndDropsTheBody) {
  TestServer server(who);
  std::string head = curl(server, "-I", "/a");
  EXPECT_NE(head.find("HTTP/1.1 200 OK"), std::string::npos);
  EXPECT_NE(head.find("Content-Length: "), std::string::npos);
  EXPECT_NE(head.find("Date: "), std::string::npos);
}

TEST(HttpsServer, UnansweredRequestIs500) {
  TestServer server([](http::Request, std::shared_ptr<http::Exchange>) {});
  EXPECT_NE(curl(server, "", "/").find("\"code\":500"), std::string::npos);
}

TEST(HttpsServer, LargeGatheredBodyArrivesWhole) {
  auto piece = std::make_shared<const std::string>(3800, 'p');
  auto large = std::make_shared<const std::string>(40000, 'L');
  TestServer server([&](http::Request, std::shared_ptr<http::Exchange> exchange) {
    http::Response response;
    for (int i = 0; i < 10000; ++i) {
      response.body.push_back({*piece, piece});
      response.body.push_back({",", nullptr});
      if (i % 1000 == 0) response.body.push_back({*large, large});
    }
    exchange->respond(std::move(response));
  });
  std::string sum = shell("curl -s --cacert " + server.pki.ca_certificate + " " + server.url("/") + " | sha256sum");
  std::string expected;
  for (int i = 0; i < 10000; ++i) {
    expected += *piece + ",";
    if (i % 1000 == 0) expected += *large;
  }
  std::string file = server.directory + "/expected";
  FILE* out = ::fopen(file.c_str(), "w");
  ::fwrite(expected.data(), 1, expected.size(), out);
  ::fclose(out);
  EXPECT_EQ(sum, shell("sha256sum < " + file));
}

TEST(HttpsServer, StreamsFromOtherThreads) {
  std::thread writer;
  TestServer server([&](http::Request, std::shared_ptr<http::Exchange> exchange) {
    auto stream = exchange->start_stream(200, "application/json");
    writer = std::thread([stream] {
      for (int i = 0; i < 1000; ++i) {
        std::vector<http::Chunk> message;
        message.push_back(io::own("{\"n\":" + std::to_string(i)));
        message.push_back({"}\n", nullptr});
        EXPECT_TRUE(stream->write(std::move(message)));
      }
      stream->end();
    });
  });
  std::string expected;
  for (int i = 0; i < 1000; ++i) expected += "{\"n\":" + std::to_string(i) + "}\n";
  EXPECT_EQ(curl(server, "", "/"), expected);
  writer.join();
}

}  // namespace
}  // namespace gantry::http
