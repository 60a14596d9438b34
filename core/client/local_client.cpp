// The in-process client: calls the API server's Handler directly, as one identity.
//
// Answers come on whatever thread the server answers on (often the caller's own, inside call()). Objects of
// lists and watches are references to the server's stored encodings.
#include <mutex>

#include "core/client/client.hpp"
#include "core/client/local_answer.hpp"
#include "core/client/paths.hpp"
#include "core/schema/codec/codec.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/discovery.pb.h"

namespace gantry::client {
namespace {

namespace meta = k8s::io::apimachinery::pkg::apis::meta::v1;

using Respond = std::function<void(http::Response)>;

// For everything that is answered at once.
class CallExchange : public http::Exchange {
 public:
  explicit CallExchange(Respond done) : done_(std::move(done)) {}
  // Whoever waits hears of it when the server stops and drops his request.
  ~CallExchange() override {
    http::Response dropped;
    dropped.code = 503;
    dropped.body.push_back(http::make_chunk("the server stopped before it answered"));
    respond(std::move(dropped));
  }
  void respond(http::Response response) override {
    if (auto done = std::exchange(done_, nullptr)) done(std::move(response));
  }
  std::shared_ptr<http::Stream> start_stream(int, std::string) override { return nullptr; }
  std::shared_ptr<http::ByteStream> upgrade_bytes(http::Headers) override { return nullptr; }
  std::shared_ptr<http::MessageStream> upgrade_websocket(std::string) override { return nullptr; }

 private:
  Respond done_;
};

// Both ends of a watch. The mutex is held while the user's callback runs, so that closing waits for it; it is
// recursive, so that a callback may end its own watch.
class LocalStream : public http::Stream {
 public:
  explicit LocalStream(WatchHandler handler) : handler_(std::move(handler)) {}

  bool write(std::vector<http::Chunk> message) override {
    std::function<void()> closed;
    {
      std::lock_guard lock(mutex_);
      if (dead_) return false;
      auto parsed = read_watch_message(std::move(message));
      if (parsed && parsed->error.ok()) {
        handler_.event(std::move(parsed->event));
        return !dead_;
      }
      closed = finish(parsed ? parsed->error : parsed.error());
    }
    if (closed) closed();
    return false;
  }
  size_t queued() const override { return 0; }
  void when_drained(std::function<void()> ready) override { ready(); }
  void end() override { fail(Status()); }
  void fail(const Status& why) {
    std::function<void()> closed;
    {
      std::lock_guard lock(mutex_);
      closed = finish(why);
    }
    if (closed) closed();
  }
  void on_close(std::function<void()> closed) override {
    {
      std::lock_guard lock(mutex_);
      if (!dead_) {
        closed_ = std::move(closed);
        return;
      }
    }
    closed();
  }
  // From the reader's side: no callback afterwards.
  void cancel() {
    std::function<void()> closed;
    {
      std::lock_guard lock(mutex_);
      dead_ = true;
      closed = std::exchange(closed_, nullptr);
    }
    if (closed) closed();
  }

 private:
  std::function<void()> finish(const Status& why) {
    if (dead_) return nullptr;
    dead_ = true;
    handler_.ended(why);
    return std::exchange(closed_, nullptr);
  }

  std::recursive_mutex mutex_;
  WatchHandler handler_;
  std::function<void()> closed_;
  bool dead_ = false;
};

class WatchExchange : public http::Exchange {
 public:
  explicit WatchExchange(std::shared_ptr<LocalStream> stream) : stream_(std::move(stream)) {}
  void respond(http::Response response) override { stream_->fail(error_of(response)); }
  std::shared_ptr<http::Stream> start_stream(int, std::string) override { return stream_; }
  std::shared_ptr<http::ByteStream> upgrade_bytes(http::Headers) override { return nullptr; }
  std::shared_ptr<http::MessageStream> upgrade_websocket(std::string) override { return nullptr; }

 private:
  std::shared_ptr<LocalStream> stream_;
};

class LocalWatch : public Watch {
 public:
  explicit LocalWatch(std::shared_ptr<LocalStream> stream) : stream_(std::move(stream)) {}
  ~LocalWatch() override { stream_->cancel(); }

 private:
  std::shared_ptr<LocalStream> stream_;
};

class LocalClient : public Client {
 public:
  LocalClient(http::Handler& handler, http::Identity identity) : handler_(handler), identity_(std::move(identity)) {}
  using Client::call;

  void call(ApiRequest request, Done done) override {
    if (request.verb() == ApiRequest::DISCOVER) return discover(std::move(done));
    if (request.verb() == ApiRequest::LIST || request.verb() == ApiRequest::DELETE_COLLECTION) {
      return call_list(std::move(request), std::move(done));
    }
    send(to_http(std::move(request)),
         [done = std::move(done)](http::Response response) { done(read_object(response)); });
  }

  std::unique_ptr<Watch> watch(WatchRequest request, WatchHandler handler) override {
    auto stream = std::make_shared<LocalStream>(std::move(handler));
    auto http_request = watch_http(request);
    http_request.identity = identity_;
    auto watch = std::make_unique<LocalWatch>(stream);
    handler_.handle(std::move(http_request), std::make_shared<WatchExchange>(stream));
    return watch;
  }

  void list(WatchRequest request, std::function<void(Expected<List>)> done) override {
    send(list_http(request),
         [done = std::move(done)](http::Response response) { done(read_list(std::move(response))); });
  }

 private:
  void send(http::Request request, Respond done) {
    request.identity = identity_;
    handler_.handle(std::move(request), std::make_shared<CallExchange>(std::move(done)));
  }

  void call_list(ApiRequest request, Done done) {
    send(to_http(std::move(request)), [done = std::move(done)](http::Response response) {
      ApiResponse out;
      out.set_code(response.code);
      std::string continuation;
      auto list = read_list(std::move(response), &continuation);
      if (!list) return done(list.error());
      for (const auto& object : list->objects) out.add_objects(std::string(object.bytes));
      out.set_resource_version(list->resource_version);
      out.set_continue_(continuation);
      done(std::move(out));
    });
  }

  struct Discovery {
    std::vector<std::string> paths;
    size_t next = 0;
    ApiResponse out;
    Done done;
  };

  http::Request discovery_request(std::string path) {
    http::Request request;
    request.method = "GET";
    request.path = std::move(path);
    request.headers = {{"accept", "application/vnd.kubernetes.protobuf"}};
    return request;
  }

  void discover(Done done) {
    auto state = std::make_shared<Discovery>();
    state->paths.push_back("/api/v1");
    state->done = std::move(done);
    state->out.set_code(200);
    send(discovery_request("/apis"), [this, state](http::Response response) {
      auto answer = read_object(response);
      if (!answer) return state->done(answer.error());
      meta::APIGroupList groups;
      if (!groups.ParseFromString(answer->objects(0))) {
        return state->done(Status::internal("the list of API groups could not be decoded"));
      }
      for (const auto& group : groups.groups()) {
        for (const auto& version : group.versions()) {
          state->paths.push_back("/apis/" + version.group_version());
        }
      }
      discover_next(state);
    });
  }

  void discover_next(const std::shared_ptr<Discovery>& state) {
    if (state->next == state->paths.size()) return state->done(std::move(state->out));
    send(discovery_request(state->paths[state->next++]), [this, state](http::Response response) {
      auto answer = read_object(response);
      if (!answer) return state->done(answer.error());
      state->out.add_objects(std::move(*answer->mutable_objects(0)));
      discover_next(state);
    });
  }

  http::Handler& handler_;
  http::Identity identity_;
};

}  // namespace

std::unique_ptr<Client> make_local_client(http::Handler& handler, http::Identity identity) {
  return std::make_unique<LocalClient>(handler, std::move(identity));
}

}  // namespace gantry::client
