// For tests: a server over the real schema and a store in a folder of its own, asked the way transports ask.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <filesystem>
#include <set>
#include <thread>

#include "core/apiserver/fake_exchange.hpp"
#include "core/apiserver/request/documents.hpp"
#include "core/apiserver/server.hpp"
#include "core/files/testing.hpp"
#include "core/kinds/kinds.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/store/sqlite_store.hpp"

namespace gantry::apiserver {

constexpr const char* kMergePatch = "application/merge-patch+json";
constexpr const char* kStrategicPatch = "application/strategic-merge-patch+json";
constexpr const char* kJsonPatch = "application/json-patch+json";
constexpr const char* kTable = "application/json;as=Table;v=v1;g=meta.k8s.io";

// An answer, waited for.
struct Answer {
  int code = 0;
  std::string type, body;
  http::Headers headers;
  std::shared_ptr<FakeStream> stream;

  Json json() const {
    boost::system::error_code error;
    auto document = boost::json::parse(body, error);
    return error ? Json() : document;
  }
  std::string text(Path path) const { return std::string(text_at(json(), path)); }
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
      if (key == name) return value;
    }
    return {};
  }
};

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing_support::new_database_folder("gantry-apiserver");
    ASSERT_FALSE(folder_.empty());
    auto built = schema::Registry::create(kinds::all());
    ASSERT_TRUE(built.ok()) << built.error().message();
    schemas_ = *std::move(built);
    open();
  }
  void TearDown() override {
    close();
    std::filesystem::remove_all(folder_);
  }

  virtual Options options() {
    Options out;
    out.now_unix_ns = [this] { return now_.load(); };
    return out;
  }
  virtual store::SqliteOptions store_options() { return {}; }
  // The store the server gets; a test may stand in front of the real one.
  virtual store::Store& served_store() { return *store_; }
  // What stands over the store: the whole server, where a test does not look at a part of it alone.
  virtual void start(Options wanted) {
    auto server = ApiServer::create(*schemas_, served_store(), std::move(wanted));
    ASSERT_TRUE(server.ok()) << server.error().message();
    server_ = *std::move(server);
  }
  virtual void stop() {
    if (server_) server_->stop();
  }

  void open() {
    auto how = store_options();
    how.path = folder_ + "/store.db";
    auto opened = store::open_sqlite(how);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    store_ = *std::move(opened);
    auto wanted = options();
    if (!wanted.post) {
      wanted.post = [this](std::function<void()> work) {
        std::lock_guard lock(workers_mutex_);
        workers_.emplace_back(std::move(work));
      };
    }
    start(std::move(wanted));
  }
  void close() {
    stop();
    // A worker may have started another.
    for (;;) {
      std::vector<std::thread> workers;
      {
        std::lock_guard lock(workers_mutex_);
        workers.swap(workers_);
      }
      if (workers.empty()) break;
      for (auto& worker : workers) worker.join();
    }
    server_.reset();
    store_.reset();
  }

  static http::Request request(std::string method, std::string path, std::string body = {},
                               std::string content_type = "application/json", std::string accept = {}) {
    http::Request out;
    out.method = std::move(method);
    const auto question = path.find('?');
    if (question != std::string::npos) {
      out.query = path.substr(question + 1);
      path.resize(question);
    }
    out.path = std::move(path);
    if (!body.empty()) out.headers.emplace_back("content-type", std::move(content_type));
    if (!accept.empty()) out.headers.emplace_back("accept", std::move(accept));
    out.body = std::move(body);
    out.identity = {"tester", {"system:authenticated"}, {}};
    return out;
  }
  Answer ask(http::Request request) {
    auto exchange = std::make_shared<FakeExchange>();
    server_->handle(std::move(request), exchange);
    EXPECT_TRUE(exchange->wait_answer());
    return {exchange->code(), exchange->response().content_type, exchange->body(), exchange->response().headers,
            exchange->stream()};
  }
  Answer ask(std::string method, std::string path, std::string body = {}, std::string content_type = "application/json",
             std::string accept = {}) {
    return ask(
        request(std::move(method), std::move(path), std::move(body), std::move(content_type), std::move(accept)));
  }
  Answer made(const std::string& path, const std::string& body) {
    auto answer = ask("POST", path, body);
    EXPECT_EQ(answer.code, 201) << answer.body;
    return answer;
  }

  // Documents that many tests need.
  static std::string config_map(const std::string& name, const std::string& more = {}) {
    return R"({"metadata":{"name":")" + name + "\"" + more + R"(},"data":{"k":"v"}})";
  }
  static std::string pod(const std::string& name, const std::string& more_metadata = {},
                         const std::string& more_spec = {}) {
    return R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":")" + name + "\"" + more_metadata +
           R"(},"spec":{"containers":[{"name":"c","image":"busybox:1"}])" + more_spec + "}}";
  }
  static constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";
  static constexpr const char* kPods = "/api/v1/namespaces/default/pods";

  std::string folder_;
  std::atomic<int64_t> now_{int64_t{1'700'000'000} * 1'000'000'000};
  std::unique_ptr<schema::Registry> schemas_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ApiServer> server_;
  std::mutex workers_mutex_;
  std::vector<std::thread> workers_;
};

}  // namespace gantry::apiserver
