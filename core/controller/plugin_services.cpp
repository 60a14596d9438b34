#include "core/controller/plugin_services.hpp"

#include <condition_variable>
#include <mutex>
#include <shared_mutex>
#include <utility>
#include <vector>

#include "core/limits/account.hpp"
#include "core/plugin/bounds.hpp"
#include "core/simulation/turns.hpp"
#include "gantry/abi/client.h"
#include "gantry/abi/draft/calls.h"
#include "gantry/abi/events.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::controller {

// Shared with what is kept for each plugin, whose places outlive the services.
struct PluginServices::Core {
  explicit Core(PluginServicesOptions given) : options(std::move(given)) {}
  PluginServicesOptions options;
  std::shared_mutex mutex;  // shared while an option is called
  bool stopped = false;
};

// What is kept for one plugin.
struct PluginService {
  std::shared_ptr<PluginServices::Core> core;
  std::unique_ptr<client::Client> client;  // null: made when the services had stopped
  std::shared_ptr<limits::Account> calls = std::make_shared<limits::Account>(plugin::bounds::kCallBytes);

  static std::shared_ptr<PluginService> make(const std::shared_ptr<PluginServices::Core>& core,
                                             const plugin::Plugin& plugin) {
    auto made = std::make_shared<PluginService>();
    made->core = core;
    const std::shared_lock lock(core->mutex);
    if (!core->stopped) made->client = core->options.make_client(plugin.name());
    return made;
  }
  static std::shared_ptr<PluginService> of(const gantry_host* host) {
    return std::static_pointer_cast<PluginService>(plugin::Plugin::of(host).service(GANTRY_CLIENT_ID));
  }
  // Runs `use` with the options, unless they are over.
  bool with_options(const std::function<void(const PluginServicesOptions&)>& use) const {
    const std::shared_lock lock(core->mutex);
    if (core->stopped) return false;
    use(core->options);
    return true;
  }
};

namespace {

// What an asynchronous call takes beside its request.
constexpr size_t kPerCall = 4'096;
// Of an Event: the reference to its object, and its type and reason.
constexpr size_t kMaxRegarding = 16 * 1024, kMaxWord = 128;

// One call as it begins.
struct Begun {
  std::shared_ptr<PluginService> service;
  client::ApiRequest message;
  PluginServicesOptions::Answered answered;

  Status read(const gantry_host* host, gantry_slice request) {
    service = PluginService::of(host);
    auto& plugin = plugin::Plugin::of(host);
    const bool on = service != nullptr && service->client != nullptr &&
                    service->with_options([&](const PluginServicesOptions& options) {
                      if (options.begin_call) answered = options.begin_call(plugin);
                    });
    if (!on) return Status::unavailable("the daemon serves plugins no longer");
    if (message.ParseFromArray(request.data, static_cast<int>(request.size))) return {};
    return Status::bad_request("the ApiRequest could not be decoded");
  }
};

gantry_code client_call(const gantry_host* host, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  Begun call;
  if (const auto read = call.read(host, request); !read.ok()) return fail(read, error);
  const auto answer = call.service->client->call(call.message);
  if (!answer) return fail(answer.error(), error);
  if (call.answered) call.answered(call.message, *answer);
  fill_buffer(response, answer->SerializeAsString());
  return 0;
}

void client_call_async(const gantry_host* host, gantry_slice request, gantry_call_done done, void* context) {
  const auto refuse = [&](const Status& status) {
    done(context, status.code(), {}, to_slice(to_proto(status).SerializeAsString()));
  };
  Begun call;
  if (const auto read = call.read(host, request); !read.ok()) return refuse(read);
  limits::Charge charge(call.service->calls);
  if (!charge.resize(request.size + kPerCall)) {
    return refuse(Status::too_many_requests("the plugin has too many calls that are not answered yet"));
  }
  // The instance is told later: until then a reload keeps it.
  auto& instance = plugin::Instance::of(host);
  const auto pin = std::make_shared<plugin::Plugin::Call>(instance.plugin().pin(instance));
  const auto charged = std::make_shared<limits::Charge>(std::move(charge));
  auto& client = *call.service->client;
  auto copy = call.message;
  client.call(std::move(copy),
              [done, context, pin, charged, call = std::move(call)](Expected<client::ApiResponse> answer) {
                if (!answer) {
                  done(context, answer.error().code(), {}, to_slice(to_proto(answer.error()).SerializeAsString()));
                  return;
                }
                if (call.answered) call.answered(call.message, *answer);
                done(context, 0, to_slice(answer->SerializeAsString()), {});
              });
}

constexpr gantry_client kClient = {sizeof(gantry_client), &client_call, &client_call_async};

// One for all calls of a call_all; lives until the last is answered.
struct Joined {
  simulation::Await await;
  std::mutex mutex;
  std::condition_variable all;
  size_t open = 0;
  gantry_call_done done = nullptr;
};
struct JoinedOne {
  Joined* joined;
  void* context;
};

void joined_done(void* context, gantry_code code, gantry_slice response, gantry_slice error) {
  const auto& one = *static_cast<JoinedOne*>(context);
  one.joined->done(one.context, code, response, error);
  const std::lock_guard lock(one.joined->mutex);
  if (--one.joined->open > 0) return;
  one.joined->await.answered();
  one.joined->all.notify_all();
}

void calls_all(const gantry_host* host, const gantry_slice* requests, void* const* contexts, size_t count,
               gantry_call_done done) {
  if (count == 0) return;
  Joined joined;
  joined.open = count;
  joined.done = done;
  std::vector<JoinedOne> calls;
  for (size_t i = 0; i < count; ++i) calls.push_back({&joined, contexts[i]});
  for (size_t i = 0; i < count; ++i) client_call_async(host, requests[i], &joined_done, &calls[i]);
  joined.await.wait([&] {
    std::unique_lock lock(joined.mutex);
    joined.all.wait(lock, [&] { return joined.open == 0; });
  });
}

constexpr gantry_calls kCalls = {sizeof(gantry_calls), &calls_all};

void events_record(const gantry_host* host, gantry_slice regarding, gantry_slice type, gantry_slice reason,
                   gantry_slice message) {
  const auto service = PluginService::of(host);
  if (service == nullptr) return;
  auto& plugin = plugin::Plugin::of(host);
  // The server would refuse more; here it would lie in memory until then.
  if (regarding.size > kMaxRegarding || type.size > kMaxWord || reason.size > kMaxWord) {
    return plugin.host().trouble("plugin-events", plugin,
                                 "an Event was dropped: its type and reason may have " + std::to_string(kMaxWord) +
                                     " bytes, and its reference " + std::to_string(kMaxRegarding));
  }
  service->with_options([&](const PluginServicesOptions& options) {
    options.record_event(options.component(plugin), to_view(regarding), to_view(type), to_view(reason),
                         to_view(message));
  });
}

constexpr gantry_events kEvents = {sizeof(gantry_events), &events_record};

}  // namespace

PluginServices::PluginServices(PluginServicesOptions options) : core_(std::make_shared<Core>(std::move(options))) {
  auto& host = *core_->options.plugins;
  host.provide(GANTRY_CLIENT_ID, &kClient,
               [core = core_](const plugin::Plugin& plugin) { return PluginService::make(core, plugin); });
  host.provide(GANTRY_CALLS_ID, &kCalls);
  host.provide(GANTRY_EVENTS_ID, &kEvents);
}

PluginServices::~PluginServices() { stop(); }

void PluginServices::stop() {
  const std::unique_lock lock(core_->mutex);
  core_->stopped = true;
}

}  // namespace gantry::controller
