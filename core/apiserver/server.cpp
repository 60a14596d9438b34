// The server's life: made, asked, stopped. Threads: see the header.
#include "core/apiserver/server.hpp"

#include "core/apiserver/bootstrap.hpp"
#include "core/apiserver/expiry.hpp"
#include "core/apiserver/request/call.hpp"
#include "core/apiserver/request/dispatch.hpp"
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/watch/session.hpp"

namespace gantry::apiserver {
namespace {

std::vector<std::shared_ptr<WatchSession>> open_sessions(Environment& env) {
  std::vector<std::shared_ptr<WatchSession>> sessions;
  std::lock_guard lock(env.sessions_mutex);
  sessions.reserve(env.sessions.size());
  for (const auto& [address, session] : env.sessions) sessions.push_back(session);
  return sessions;
}

// Peers that are waited for lose their watch when that takes too long, or keeps what the store has let go.
void look_after_stalled(Environment& env) {
  for (const auto& session : open_sessions(env)) session->look_after();
}

// Runs on the loop, again and again until the loop stops.
void every(const std::shared_ptr<io::EventLoop>& loop, std::chrono::milliseconds interval, std::function<void()> work) {
  loop->after(interval, [weak = std::weak_ptr(loop), interval, work = std::move(work)] {
    work();
    if (auto alive = weak.lock()) every(alive, interval, work);
  });
}

// The same on the options' timers, and at once: whoever gives them drives the time.
void every_scheduled(const std::weak_ptr<Environment>& weak, int64_t interval_ms,
                     const std::shared_ptr<Expiry>& events) {
  const auto env = weak.lock();
  if (!env || env->stopping) return;
  env->options.schedule(interval_ms, [weak, interval_ms, events] {
    events->sweep();
    every_scheduled(weak, interval_ms, events);
  });
}

void start_timers(const EnvironmentPtr& env) {
  const std::weak_ptr<Environment> weak = env;
  const std::chrono::milliseconds bookmarks(std::max<int64_t>(env->options.bookmark_interval_ms, 10));
  const std::chrono::milliseconds patience(std::clamp<int64_t>(env->options.watch_patience_ms / 8, 1, 1'000));
  const std::chrono::milliseconds expiry(std::max<int64_t>(env->options.event_ttl_seconds * 50, 50));
  auto events = std::make_shared<Expiry>(weak);
  const bool scheduled = env->options.schedule != nullptr;
  if (scheduled) every_scheduled(weak, expiry.count(), events);
  env->loop->post([loop = env->loop, weak, bookmarks, patience, expiry, events, scheduled] {
    every(loop, bookmarks, [weak] {
      const auto alive = weak.lock();
      if (!alive) return;
      for (const auto& session : open_sessions(*alive)) session->bookmark();
      // They are made for bursts.
      alive->frames.clear();
      alive->shared_frames.clear();
    });
    every(loop, patience, [weak] {
      if (auto alive = weak.lock(); alive && alive->stalled > 0) look_after_stalled(*alive);
    });
    if (scheduled) return;
    every(loop, expiry, [weak, events] {
      if (auto alive = weak.lock()) alive->options.post([events] { events->sweep(); });
    });
  });
}

}  // namespace

Expected<std::unique_ptr<ApiServer>> ApiServer::create(const schema::Registry& schemas, store::Store& store,
                                                       Options options) {
  auto environment = std::make_shared<Environment>(schemas, store, std::move(options));
  environment->loop = io::EventLoop::start("api-timers");
  environment->tell_store(*schemas.now());
  std::unique_ptr<ApiServer> server(new ApiServer(environment));
  if (auto status = ensure_initial_objects(environment); !status.ok()) return status;
  start_timers(environment);
  return server;
}

ApiServer::ApiServer(std::shared_ptr<Environment> environment) : environment_(std::move(environment)) {}

ApiServer::~ApiServer() { stop(); }

Status ApiServer::check_head(http::Request& head) { return apiserver::check_head(environment_, head); }

void ApiServer::handle(http::Request request, std::shared_ptr<http::Exchange> exchange) {
  auto call = std::make_shared<Call>();
  call->env = environment_;
  call->request = std::move(request);
  call->exchange = std::move(exchange);
  const auto answer = call->exchange;
  try {
    dispatch(call);
  } catch (const std::exception& problem) {
    // A last resort, so that one request nobody thought of costs nobody else anything.
    call->exchange = answer;
    respond_error(*call, Status::internal(problem.what()));
  }
}

void ApiServer::add_path(std::string path, PathHandler handler) {
  environment_->paths.insert_or_assign(std::move(path), std::move(handler));
}

void ApiServer::set_node_backend(client::NodeBackend* backend) { environment_->node = backend; }

void ApiServer::end_outdated_watches() {
  for (const auto& session : open_sessions(*environment_)) {
    if (session->outdated()) session->finish();
  }
}

void ApiServer::stop() {
  auto& env = *environment_;
  {
    // Whoever registers a session after this is refused.
    std::lock_guard lock(env.sessions_mutex);
    if (env.stopping.exchange(true)) return;
  }
  const auto sessions = open_sessions(env);
  for (const auto& session : sessions) session->finish();
  // Nothing of them may go on once the store has gone, which is the caller's next step.
  env.waits.end(shutting_down());
  env.loop->stop();
  env.workers.stop();
  for (const auto& session : sessions) session->release();
}

}  // namespace gantry::apiserver
