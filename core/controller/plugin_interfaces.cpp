#include "core/controller/plugin_interfaces.hpp"

#include <condition_variable>
#include <mutex>

#include "core/controller/running_controller.hpp"
#include "core/schema/selector.hpp"
#include "core/simulation/turns.hpp"
#include "gantry/abi/cache.h"
#include "gantry/abi/client.h"
#include "gantry/abi/draft/calls.h"
#include "gantry/abi/events.h"
#include "gantry/abi/queue.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::controller {
namespace {

// What an asynchronous call takes beside its request.
constexpr size_t kPerCall = 4'096;
// Of an Event: the reference to its object, and its type and reason.
constexpr size_t kMaxRegarding = 16 * 1024, kMaxWord = 128;

std::shared_ptr<RunningController> controller_of(const gantry_host* host) {
  return std::static_pointer_cast<RunningController>(plugin::Plugin::of(host).attachment(GANTRY_CACHE_ID));
}

Status no_controller() { return Status::unavailable("the controller does not run yet, or no longer"); }

gantry_code client_call(const gantry_host* host, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  const auto controller = controller_of(host);
  if (controller == nullptr) return fail(no_controller(), error);
  client::ApiRequest message;
  if (!message.ParseFromArray(request.data, static_cast<int>(request.size))) {
    return fail(Status::bad_request("the ApiRequest could not be decoded"), error);
  }
  const auto answer = controller->client().call(message);
  if (!answer) return fail(answer.error(), error);
  if (const auto key = controller->current_key()) controller->note_write(*key, message, *answer);
  fill_buffer(response, answer->SerializeAsString());
  return 0;
}

void client_call_async(const gantry_host* host, gantry_slice request, gantry_call_done done, void* context) {
  const auto refuse = [&](const Status& status) {
    done(context, status.code(), {}, to_slice(to_proto(status).SerializeAsString()));
  };
  const auto controller = controller_of(host);
  if (controller == nullptr) return refuse(no_controller());
  client::ApiRequest message;
  if (!message.ParseFromArray(request.data, static_cast<int>(request.size))) {
    return refuse(Status::bad_request("the ApiRequest could not be decoded"));
  }
  limits::Charge charge(controller->calls());
  if (!charge.resize(request.size + kPerCall)) {
    return refuse(Status::too_many_requests("the plugin has too many calls that are not answered yet"));
  }
  // The instance is told later: until then a reload keeps it.
  auto& instance = plugin::Instance::of(host);
  const auto pin = std::make_shared<plugin::Plugin::Call>(instance.plugin().pin(instance));
  const auto charged = std::make_shared<limits::Charge>(std::move(charge));
  auto copy = message;
  controller->client().call(std::move(copy), [done, context, controller, pin, charged, key = controller->current_key(),
                                              message = std::move(message)](Expected<client::ApiResponse> answer) {
    if (!answer) {
      done(context, answer.error().code(), {}, to_slice(to_proto(answer.error()).SerializeAsString()));
      return;
    }
    if (key) controller->note_write(*key, message, *answer);
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

// The bytes stay alive as long as somebody holds the buffer, whatever the cache does meanwhile.
void share(gantry_buffer* out, const CachedPtr& object) {
  auto* owner = new CachedPtr(object);
  out->data = reinterpret_cast<const uint8_t*>(object->object.bytes.data());
  out->size = object->object.bytes.size();
  out->owner = owner;
  out->release = [](void* held) { delete static_cast<CachedPtr*>(held); };
}

gantry_code cache_get(const gantry_host* host, const gantry_resource* resource, gantry_slice ns, gantry_slice name,
                      gantry_buffer* object) {
  const auto controller = controller_of(host);
  if (controller == nullptr) return 503;
  const Informer* informer = controller->find(to_view(resource->group), to_view(resource->resource));
  if (informer == nullptr) return 400;
  const auto found = informer->get(to_view(ns), to_view(name));
  if (found == nullptr) return 404;
  share(object, found);
  return 0;
}

void visit_all(const std::vector<CachedPtr>& objects, gantry_visit visit, void* context) {
  for (const auto& object : objects) {
    if (visit(context, to_slice(object->object.bytes)) != 0) return;
  }
}

gantry_code cache_list(const gantry_host* host, const gantry_resource* resource, gantry_slice ns, gantry_slice selector,
                       gantry_visit visit, void* context, gantry_buffer* error) {
  const auto controller = controller_of(host);
  if (controller == nullptr) return fail(no_controller(), error);
  const Informer* informer = controller->find(to_view(resource->group), to_view(resource->resource));
  if (informer == nullptr) {
    return fail(Status::bad_request("controller " + controller->name() + " does not watch " +
                                    std::string(to_view(resource->resource))),
                error);
  }
  auto objects = informer->list(to_view(ns));
  if (selector.size > 0) {
    const auto wanted = schema::LabelSelector::parse(to_view(selector));
    if (!wanted) return fail(wanted.error(), error);
    std::erase_if(objects, [&](const CachedPtr& object) { return !wanted->matches(object->labels); });
  }
  visit_all(objects, visit, context);
  return 0;
}

gantry_code cache_by_owner(const gantry_host* host, const gantry_resource* resource, gantry_slice uid,
                           gantry_visit visit, void* context) {
  const auto controller = controller_of(host);
  if (controller == nullptr) return 503;
  const Informer* informer = controller->find(to_view(resource->group), to_view(resource->resource));
  if (informer == nullptr) return 400;
  visit_all(informer->by_owner(to_view(uid)), visit, context);
  return 0;
}

constexpr gantry_cache kCache = {sizeof(gantry_cache), &cache_get, &cache_list, &cache_by_owner};

void queue_add_after(const gantry_host* host, gantry_slice ns, gantry_slice name, int64_t delay_ms) {
  if (const auto controller = controller_of(host)) {
    controller->offer({std::string(to_view(ns)), std::string(to_view(name))}, delay_ms, WorkQueue::From::kQueue);
  }
}
void queue_add(const gantry_host* host, gantry_slice ns, gantry_slice name) { queue_add_after(host, ns, name, 0); }

constexpr gantry_queue kQueue = {sizeof(gantry_queue), &queue_add, &queue_add_after};

void events_record(const gantry_host* host, gantry_slice regarding, gantry_slice type, gantry_slice reason,
                   gantry_slice message) {
  const auto controller = controller_of(host);
  if (controller == nullptr) return;
  // The server would refuse more; here it would lie in memory until then.
  if (regarding.size > kMaxRegarding || type.size > kMaxWord || reason.size > kMaxWord) {
    auto& plugin = controller->plugin();
    return plugin.host().trouble("plugin-events", plugin,
                                 "an Event was dropped: its type and reason may have " + std::to_string(kMaxWord) +
                                     " bytes, and its reference " + std::to_string(kMaxRegarding));
  }
  controller->host().options().record_event(controller->name() + "-controller", to_view(regarding), to_view(type),
                                            to_view(reason), to_view(message));
}

constexpr gantry_events kEvents = {sizeof(gantry_events), &events_record};

}  // namespace

void provide_controller_interfaces(plugin::PluginHost& host) {
  host.provide(GANTRY_CLIENT_ID, &kClient);
  host.provide(GANTRY_CALLS_ID, &kCalls);
  host.provide(GANTRY_CACHE_ID, &kCache);
  host.provide(GANTRY_QUEUE_ID, &kQueue);
  host.provide(GANTRY_EVENTS_ID, &kEvents);
}

}  // namespace gantry::controller
