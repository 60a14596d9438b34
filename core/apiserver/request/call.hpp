// What every verb works with, and the state of one request on its way. Internal to the API server.
//
// The Environment is shared and read-only after start but for what its comments say; a Call belongs to one
// request and moves from thread to thread with it, never used by two at once.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <unordered_map>

#include "core/admission/chain.hpp"
#include "core/apiserver/request/documents.hpp"
#include "core/apiserver/request/negotiate.hpp"
#include "core/apiserver/request/query.hpp"
#include "core/apiserver/request/router.hpp"
#include "core/apiserver/request/workers.hpp"
#include "core/apiserver/server.hpp"
#include "core/apiserver/watch/frames.hpp"
#include "core/apiserver/watch/shared_frames.hpp"
#include "core/http/io/event_loop.hpp"
#include "core/limits/account.hpp"
#include "core/limits/later.hpp"

namespace gantry::apiserver {

class WatchSession;
class Discovery;

struct Environment : admission::Objects {
  Environment(const schema::Registry& s, store::Store& st, Options o);
  ~Environment() override;

  const schema::Registry& schemas;
  store::Store& store;
  Options options;
  std::shared_ptr<io::EventLoop> loop;
  std::unique_ptr<Discovery> discovery;
  std::map<std::string, ApiServer::PathHandler> paths;
  std::atomic<client::NodeBackend*> node{nullptr};
  std::atomic<bool> stopping{false};

  std::mutex sessions_mutex;
  std::unordered_map<const WatchSession*, std::shared_ptr<WatchSession>> sessions;  // by sessions_mutex
  std::atomic<size_t> stalled{0};                                                   // sessions that wait for their peer
  FrameCache frames;
  SharedFrames shared_frames;
  Workers workers;
  limits::Waits waits;  // requests that wait for an authorizer or an admission step
  const admission::Chain chain;

  // Tells the store which kinds are kept in memory alone, before anything of this schema's is read or written.
  void tell_store(const schema::Schema& schema);
  std::mutex told_mutex;
  std::atomic<uint64_t> told{0};  // generations so far; changed by told_mutex

  // For admission steps.
  store::EntryPtr get(const schema::Kind& kind, std::string_view ns, std::string_view name) const override;
  std::string field(const schema::Kind& kind, const store::Entry& entry, std::string_view path) const override;
  std::vector<store::EntryPtr> marked(const schema::Kind& kind) const override;

  int64_t now() const { return options.now_unix_ns(); }
  std::string new_uid() const;        // version 4
  std::string random_suffix() const;  // five characters, for generateName
};
using EnvironmentPtr = std::shared_ptr<Environment>;

// So long a request is waited for that does not say itself for how long.
constexpr std::chrono::seconds kLongestWait{60};

struct Call {
  EnvironmentPtr env;
  schema::SchemaPtr schema;  // of the moment at which the request came; its kind is from there
  http::Request request;
  std::shared_ptr<http::Exchange> exchange;
  Target target;
  Query query;
  Form form;
  std::vector<std::string> warnings;
  bool dry_run = false;
  limits::Charge charge;  // for the path and the query, as they are kept here
  // Nobody waits for the answer any longer.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  const schema::Kind& kind() const { return *target.kind; }
};
using CallPtr = std::shared_ptr<Call>;

// Keys of objects in the store.
std::string key_prefix(const schema::Kind& kind, std::string_view ns = {});  // of a list; ns empty: all
std::string key_of(const schema::Kind& kind, std::string_view ns, std::string_view name);
std::string_view name_of_key(std::string_view key);
std::string_view namespace_of_key(std::string_view key);

}  // namespace gantry::apiserver
