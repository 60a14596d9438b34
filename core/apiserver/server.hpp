// The API server: answers requests of the Kubernetes API from the store, without ever blocking.
//
// handle() is called by transports on their network threads and by in-process clients on any thread. Answers
// to writes come on the store's writer thread or the worker pool; watch events on the store's notifier thread. Timers
// and log pumps run on one event loop that the server owns.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/admission/chain.hpp"
#include "core/auth/authorizer.hpp"
#include "core/client/node_backend.hpp"
#include "core/http/http.hpp"
#include "core/schema/tree/registry.hpp"
#include "core/store/store.hpp"

namespace gantry::limits {
class Notices;
}

namespace gantry::apiserver {

struct ReadinessCheck {
  std::string name;
  std::function<bool()> passes;
  std::function<std::string()> why = {};  // it does not pass; null or empty: not known
};

struct Options {
  std::string git_version = "v1.36.0";
  std::string build_date = "1970-01-01T00:00:00Z";
  std::string git_commit;
  std::function<int64_t()> now_unix_ns;             // default: the system clock
  std::function<uint64_t()> random;                 // default: the kernel's generator
  std::function<void(std::function<void()>)> post;  // runs blocking work elsewhere; default: a thread each
  // Runs the expiry of Events after a delay; default: timers of the server's own loop.
  std::function<void(int64_t delay_ms, std::function<void()>)> schedule;
  // Runs requests with long documents and lists that have to be made, in order; default: two threads of the server's
  // own.
  std::function<void(std::function<void()>)> run_long;
  size_t most_long = 256;                        // of those that may wait; the rest is answered 429
  size_t most_waiting = 4'096;                   // requests for an authorizer or an admission step; the rest is 429
  std::shared_ptr<auth::Authorizer> authorizer;  // default: AlwaysAllow
  std::vector<admission::StepPtr> admission;     // steps behind the built-in ones
  std::vector<ReadinessCheck> checks;
  std::vector<ReadinessCheck>
      parts;  // of the control plane, of which there is an object each (Behavior::describe_part)
  int64_t bookmark_interval_ms = 60'000;
  int64_t event_ttl_seconds = 3'600;
  // A watch ends as one whose version is too old when more than this waits for its peer (of events since it fell
  // behind; or more than 32,768 of them), or its peer was waited for so long.
  size_t watch_backlog_bytes = 16 << 20;
  int64_t watch_patience_ms = 60'000;
  limits::Notices* notices = nullptr;  // outlives the server; may be null
};

struct Environment;

class ApiServer : public http::Handler {
 public:
  // Both must outlive the server. Makes sure the initial namespaces exist before it returns.
  static Expected<std::unique_ptr<ApiServer>> create(const schema::Registry& schemas, store::Store& store,
                                                     Options options);
  ~ApiServer() override;

  Status check_head(http::Request& head) override;
  void handle(http::Request request, std::shared_ptr<http::Exchange> exchange) override;

  // Answers a path outside the API ("/metrics"); asked after authorization. Before the first request.
  using PathHandler = std::function<void(const http::Request&, std::shared_ptr<http::Exchange>)>;
  void add_path(std::string path, PathHandler handler);
  // Null: logs and exec answer 503. [any-thread]
  void set_node_backend(client::NodeBackend* backend);
  // After a change of the schema: ends the watches of kinds that are no longer served or are others now, whose readers
  // then come back to what is. [any-thread]
  void end_outdated_watches();
  // Ends watches and timers; requests that wait for somebody, and later ones, are answered 503. Idempotent.
  void stop();

 private:
  explicit ApiServer(std::shared_ptr<Environment> environment);
  std::shared_ptr<Environment> environment_;
};

}  // namespace gantry::apiserver
