// The clients against the real server: identities, reuse of connections, cut bodies, cancelled streams.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <future>

#include "core/auth/private_file.hpp"
#include "core/client/https/remote.hpp"
#include "core/client/https/wire_cut.hpp"
#include "core/http/server/test_server.hpp"
#include "core/schema/codec/wire.hpp"

namespace gantry::client {
namespace {

using http::TestServer;
using http::text_response;

ServerConfig admin_of(const TestServer& server) {
  ServerConfig config;
  config.server = server.url("");
  config.ca_pem = auth::read_file(server.pki.ca_certificate);
  config.certificate_pem = auth::read_file(server.pki.admin_certificate);
  config.key_pem = auth::read_file(server.pki.admin_key);
  return config;
}

void who(http::Request request, std::shared_ptr<http::Exchange> exchange) {
  exchange->respond(text_response(request.method + " " + request.path + "?" + request.query + " " +
                                  request.identity.user + " " + request.body));
}

TEST(Remote, CertificateTokenAndUnixSocket) {
  TestServer server(who);
  auto remote = Remote::create(admin_of(server));
  ASSERT_TRUE(remote.ok()) << remote.error().message();
  auto answer = (*remote)->request(raw_request("POST", "/a?b=c", "body", "text/plain"));
  ASSERT_TRUE(answer.ok()) << answer.error().message();
  EXPECT_EQ(answer->code, 200);
  EXPECT_EQ(answer->body, "POST /a?b=c kubernetes-admin body");
  EXPECT_EQ(answer->header("content-type"), "text/plain");
  ServerConfig local;
  local.server = "unix:" + server.directory + "/api.sock";
  EXPECT_EQ((*Remote::create(local))->request(raw_request("GET", "/x"))->body, "GET /x? system:admin ");
  ServerConfig token = admin_of(server);
  token.certificate_pem.clear();
  token.token = "wrong";
  EXPECT_EQ((*Remote::create(token))->request(raw_request("GET", "/x"))->code, 401);
}

TEST(Remote, ChecksTheServer) {
  TestServer server(who);
  TestServer other(who);
  ServerConfig config = admin_of(other);
  config.server = server.url("");
  auto answer = (*Remote::create(config))->request(raw_request("GET", "/"));
  ASSERT_FALSE(answer.ok());
  EXPECT_NE(answer.error().message().find("certificate"), std::string::npos);
  config.insecure = true;
  EXPECT_EQ((*Remote::create(config))->request(raw_request("GET", "/"))->code, 401);
}

TEST(Remote, ReusesItsConnectionAndSurvivesARestart) {
  TestServer server(who);
  auto remote = *Remote::create(admin_of(server));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(remote->request(raw_request("GET", "/"))->code, 200);
  EXPECT_EQ(server.server->connections(), 1U);
  uint16_t port = server.port();
  server.server.reset();
  EXPECT_FALSE(remote->request(raw_request("GET", "/")).ok());
  http::ServerOptions options;
  options.listen = {"127.0.0.1:" + std::to_string(port)};
  options.certificate_file = server.pki.server_certificate;
  options.key_file = server.pki.server_key;
  options.client_ca_file = server.pki.ca_certificate;
  auto again = http::HttpsServer::start(options, server.handler);
  ASSERT_TRUE(again.ok()) << again.error().message();
  server.server = std::move(*again);
  EXPECT_EQ(remote->request(raw_request("GET", "/"))->code, 200);
}

TEST(Remote, ManyAtOnce) {
  // Five hundred handshakes on a busy machine, perhaps with a sanitizer: nobody is to give up on another meanwhile.
  constexpr std::chrono::minutes kPatience{5};
  TestServer server(
      who, [&](http::ServerOptions& options) { options.handshake_timeout = options.header_timeout = kPatience; });
  RemoteOptions options;
  options.threads = 2;
  options.timeout = kPatience;
  std::atomic<int> left{500};
  std::promise<void> all;
  auto remote = *Remote::create(admin_of(server), options);
  for (int i = 0; i < 500; ++i) {
    remote->request(raw_request("GET", "/" + std::to_string(i)), [&](Expected<RawResponse> answer) {
      EXPECT_TRUE(answer.ok()) << answer.error().message();
      if (answer) {
        EXPECT_EQ(answer->code, 200);
      }
      if (--left == 0) all.set_value();
    });
  }
  EXPECT_EQ(all.get_future().wait_for(kPatience), std::future_status::ready);
}

TEST(Remote, EndsWhatGoesOnWhenItIsClosed) {
  std::promise<std::shared_ptr<http::Exchange>> asked;
  TestServer server([&](const http::Request& request, std::shared_ptr<http::Exchange> exchange) {
    if (request.path == "/first") return exchange->respond(text_response("first"));
    asked.set_value(std::move(exchange));  // never answered
  });
  auto remote = *Remote::create(admin_of(server));
  // A GET on a connection that was used before is tried again where that one dies: not now.
  EXPECT_EQ(remote->request(raw_request("GET", "/first"))->body, "first");
  std::promise<Status> ended;
  remote->request(raw_request("GET", "/"),
                  [&](const Expected<RawResponse>& answer) { ended.set_value(answer ? Status() : answer.error()); });
  const auto exchange = asked.get_future().get();
  remote->close();
  EXPECT_EQ(ended.get_future().get().message(), "the client was closed");
  const auto late = remote->request(raw_request("GET", "/"));
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), 503);
}

TEST(Remote, StreamsUntilCancelled) {
  std::promise<void> closed;
  TestServer server([&](http::Request, std::shared_ptr<http::Exchange> exchange) {
    auto stream = exchange->start_stream(200, "text/plain");
    stream->write({{"one\n", nullptr}});
    stream->on_close([&, stream] { closed.set_value(); });
  });
  auto remote = *Remote::create(admin_of(server));
  std::promise<std::string> first;
  std::promise<Status> done;
  RawStream sink;
  sink.body = [&](const std::string& piece) { first.set_value(piece); };
  sink.done = [&](Status status) { done.set_value(std::move(status)); };
  auto cancel = remote->stream(raw_request("GET", "/follow"), sink);
  EXPECT_EQ(first.get_future().get(), "one\n");
  cancel();
  EXPECT_FALSE(done.get_future().get().ok());
  EXPECT_EQ(closed.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
}

std::string envelope(std::string_view kind, std::string_view raw) {
  std::string type, out("k8s\0", 4);
  schema::wire::put_bytes(type, 1, "v1");
  schema::wire::put_bytes(type, 2, kind);
  schema::wire::put_bytes(out, 1, type);
  schema::wire::put_bytes(out, 2, raw);
  schema::wire::put_bytes(out, 4, "");
  return out;
}

TEST(WireCut, ListsBecomeObjects) {
  std::string metadata, list;
  schema::wire::put_bytes(metadata, 2, "42");
  schema::wire::put_bytes(list, 1, metadata);
  schema::wire::put_bytes(list, 2, "object-a");
  schema::wire::put_bytes(list, 2, std::string(300, 'b'));
  std::string body = envelope("PodList", list);
  auto chunks = cut_body(body);
  ASSERT_EQ(chunks.size(), 7U);
  EXPECT_EQ(chunks[3].bytes, "object-a");
  EXPECT_EQ(chunks[5].bytes, std::string(300, 'b'));
  std::string joined;
  for (const auto& chunk : chunks) joined += chunk.bytes;
  EXPECT_EQ(joined, body);
  EXPECT_EQ(cut_body(envelope("Pod", "xx")).size(), 1U);
  EXPECT_EQ(cut_body(envelope("PodList", "\xff\xff\xff")).size(), 1U);
  EXPECT_EQ(cut_body("{}").size(), 1U);
  for (size_t n = 0; n < body.size(); ++n) cut_body(body.substr(0, n));
}

TEST(WireCut, FramesComeWhole) {
  std::string object = envelope("Pod", "the pod"), extension, event;
  schema::wire::put_bytes(extension, 1, object);
  schema::wire::put_bytes(event, 1, "ADDED");
  schema::wire::put_bytes(event, 2, extension);
  std::string frame{0, 0, 0, static_cast<char>(event.size())};
  frame += event;
  FrameSplitter splitter;
  for (size_t i = 0; i + 1 < frame.size(); ++i) {
    splitter.append(frame.substr(i, 1));
    auto none = splitter.next();
    ASSERT_TRUE(none.ok());
    EXPECT_FALSE(none->has_value());
  }
  splitter.append(frame.substr(frame.size() - 1) + frame);
  for (int i = 0; i < 2; ++i) {
    auto got = splitter.next();
    ASSERT_TRUE(got.ok());
    ASSERT_TRUE(got->has_value());
    EXPECT_EQ((**got)[1].bytes, "the pod");
    EXPECT_EQ((**got)[0].bytes.substr(6, 5), "ADDED");
  }
  splitter.append("\xff\xff\xff\xff");
  EXPECT_FALSE(splitter.next().ok());
}

TEST(Kubeconfig, WrittenIsRead) {
  TestServer server(who);
  std::string path = server.directory + "/sub/admin.conf";
  ServerConfig config = admin_of(server);
  ASSERT_TRUE(write_kubeconfig(path, config).ok());
  auto read = read_kubeconfig(path);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(read->server, config.server);
  EXPECT_EQ(read->ca_pem, config.ca_pem);
  EXPECT_EQ(read->certificate_pem, config.certificate_pem);
  EXPECT_EQ(read->key_pem, config.key_pem);
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ((*Remote::create(*read))->request(raw_request("GET", "/"))->code, 200);
  EXPECT_FALSE(read_kubeconfig(path, "other").ok());
  EXPECT_FALSE(read_kubeconfig(server.directory + "/none").ok());
}

class KubeconfigFile : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(::mkdtemp(folder_.data()), nullptr); }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/admin.conf"; }
  std::string text() const { return auth::read_file(path()); }
  // Its text with one part in another's place.
  void edit(const std::string& from, const std::string& to) {
    auto edited = text();
    const size_t at = edited.find(from);
    ASSERT_NE(at, std::string::npos) << edited;
    std::ofstream(path()) << edited.replace(at, from.size(), to);
  }

  ServerConfig config_{.server = "https://127.0.0.1:1", .ca_pem = "ca", .certificate_pem = "crt", .key_pem = "key"};

 private:
  std::string folder_ = "/tmp/gantry-kubeconfig-XXXXXX";
};

TEST_F(KubeconfigFile, IsLeftAsItIsWhileItIsRight) {
  ASSERT_TRUE(write_kubeconfig(path(), config_).ok());
  edit("cluster: gantry\n", "cluster: gantry\n    namespace: mine  # where I work\n");
  const auto mine = text();
  ASSERT_TRUE(write_kubeconfig(path(), config_).ok());
  EXPECT_EQ(text(), mine);
  EXPECT_EQ(read_kubeconfig(path())->ns, "mine");
  std::filesystem::permissions(path(), std::filesystem::perms::all);
  ASSERT_TRUE(write_kubeconfig(path(), config_).ok());
  EXPECT_EQ(std::filesystem::status(path()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(KubeconfigFile, ChangesOnlyWhatMustChange) {
  std::ofstream(path()) << "apiVersion: v1\nkind: Config\ncurrent-context: work\npreferences: {colors: true}\n"
                           "clusters:\n- {name: other, cluster: {server: 'https://o'}}\n"
                           "- {name: gantry, cluster: {server: 'https://old', tls-server-name: x, "
                           "certificate-authority: /none}}\n"
                           "contexts:\n- {name: work, context: {cluster: gantry, user: gantry, namespace: mine}}\n"
                           "- {name: elsewhere, context: {cluster: other, user: me}}\n"
                           "users:\n- {name: me, user: {token: '123'}}\n";
  ASSERT_TRUE(write_kubeconfig(path(), config_).ok());
  const auto mine = read_kubeconfig(path());
  ASSERT_TRUE(mine.ok()) << mine.error().message() << text();
  EXPECT_EQ(mine->server, config_.server);
  EXPECT_EQ(mine->ca_pem, "ca");
  EXPECT_EQ(mine->certificate_pem, "crt");
  EXPECT_EQ(mine->key_pem, "key");
  EXPECT_EQ(mine->ns, "mine");
  const auto other = read_kubeconfig(path(), "elsewhere");
  ASSERT_TRUE(other.ok()) << text();
  EXPECT_EQ(other->server, "https://o");
  EXPECT_EQ(other->token, "123");
  EXPECT_FALSE(read_kubeconfig(path(), "gantry").ok()) << "there is a context already: " << text();
  EXPECT_NE(text().find("colors: true"), std::string::npos);
  EXPECT_NE(text().find("tls-server-name: x"), std::string::npos);
  EXPECT_NE(text().find("\"123\""), std::string::npos) << "still a text: " << text();
  const auto again = text();
  ASSERT_TRUE(write_kubeconfig(path(), config_).ok());
  EXPECT_EQ(text(), again);
  config_.key_pem = "other key";
  ASSERT_TRUE(write_kubeconfig(path(), config_).ok());
  EXPECT_EQ(read_kubeconfig(path())->key_pem, "other key");
}

TEST_F(KubeconfigFile, IsMadeAnewWhenItIsNoneAndWhatWasThereIsKept) {
  const std::string large = "apiVersion: v1\n#" + std::string(1 << 20, '.');
  for (const std::string& junk : {std::string("["), std::string("- a\n"), std::string("text"), large,
                                  std::string("users:\n- name: bob\n  user:\n\ttoken: secret\n"),
                                  std::string("current-context: gone\ncontexts: no list\n")}) {
    std::ofstream(path()) << junk;
    std::string kept;
    ASSERT_TRUE(write_kubeconfig(path(), config_, "gantry", &kept).ok()) << junk.substr(0, 100);
    EXPECT_EQ(read_kubeconfig(path())->key_pem, "key") << text();
    ASSERT_EQ(kept, path() + ".old");
    std::ifstream old(kept);
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(old), {}), junk);
  }
  std::ofstream(path()) << "";
  std::string kept;
  ASSERT_TRUE(write_kubeconfig(path(), config_, "gantry", &kept).ok());
  EXPECT_EQ(kept, "") << "nothing is no loss";
}

// Whoever reads it, or ends this, meanwhile finds one file or the other.
TEST_F(KubeconfigFile, IsThereAtEachMoment) {
  std::ofstream(path()) << "[";
  const int watch = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  const std::filesystem::path file = path();
  ASSERT_GE(::inotify_add_watch(watch, file.parent_path().c_str(), IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE), 0);
  ASSERT_TRUE(write_kubeconfig(path(), config_).ok());
  alignas(inotify_event) char events[16 * 1024];
  const ssize_t size = ::read(watch, events, sizeof events);
  int came = 0;
  for (ssize_t at = 0; at < size;) {
    const auto* event = reinterpret_cast<const inotify_event*>(events + at);
    at += static_cast<ssize_t>(sizeof(inotify_event) + event->len);
    if (file.filename() != event->name) continue;
    EXPECT_EQ(event->mask, static_cast<uint32_t>(IN_MOVED_TO)) << "its name was without a file";
    ++came;
  }
  EXPECT_EQ(came, 1);
  ::close(watch);
}

TEST_F(KubeconfigFile, OfALinkTheFileIsWritten) {
  std::filesystem::create_symlink(path() + ".real", path());
  std::ofstream(path() + ".real") << "kind: Config\npreferences: {colors: true}\n";
  ASSERT_TRUE(write_kubeconfig(path(), config_).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(path()));
  EXPECT_EQ(read_kubeconfig(path() + ".real")->key_pem, "key");
  EXPECT_NE(text().find("colors: true"), std::string::npos);
}

}  // namespace
}  // namespace gantry::client
