#include "core/controller/plugin_interfaces.hpp"

#include "core/controller/running_controller.hpp"
#include "core/schema/selector/selector.hpp"
#include "gantry/abi/cache.h"
#include "gantry/abi/draft/watches.h"
#include "gantry/abi/queue.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::controller {
namespace {

std::shared_ptr<RunningController> controller_of(const plugin::Plugin& plugin) {
  return std::static_pointer_cast<RunningController>(plugin.attachment(GANTRY_CACHE_ID));
}
std::shared_ptr<RunningController> controller_of(const gantry_host* host) {
  return controller_of(plugin::Plugin::of(host));
}

Status no_controller(const gantry_host* host) {
  const auto& plugin = plugin::Plugin::of(host);
  if (plugin.has_interface(GANTRY_CONTROLLER_ID)) {
    return Status::unavailable("the controller does not run yet, or no longer");
  }
  if (plugin.has_interface(GANTRY_WATCHES_ID)) return Status::unavailable("nothing is watched yet, or no longer");
  return Status::bad_request("the plugin says nowhere what it watches: " GANTRY_WATCHES_ID " is for that");
}

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

// Of those whose labels match.
gantry_code visit_selected(std::vector<CachedPtr> objects, gantry_slice selector, gantry_visit visit, void* context,
                           gantry_buffer* error) {
  if (selector.size > 0) {
    const auto wanted = schema::LabelSelector::parse(to_view(selector));
    if (!wanted) return fail(wanted.error(), error);
    std::erase_if(objects, [&](const CachedPtr& object) { return !wanted->matches(object->labels); });
  }
  visit_all(objects, visit, context);
  return 0;
}

// The cache of what the plugin watches; with its owner.
Expected<std::shared_ptr<const Informer>> watched_by(const gantry_host* host, const gantry_resource* resource) {
  const auto controller = controller_of(host);
  if (controller == nullptr) return no_controller(host);
  const Informer* informer = controller->find(to_view(resource->group), to_view(resource->resource));
  if (informer == nullptr) {
    return Status::bad_request(controller->title() + " does not watch " + std::string(to_view(resource->resource)));
  }
  return std::shared_ptr<const Informer>(controller, informer);
}

gantry_code cache_list(const gantry_host* host, const gantry_resource* resource, gantry_slice ns, gantry_slice selector,
                       gantry_visit visit, void* context, gantry_buffer* error) {
  const auto watched = watched_by(host, resource);
  if (!watched) return fail(watched.error(), error);
  return visit_selected((*watched)->list(to_view(ns)), selector, visit, context, error);
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

gantry_code cache_by_index(const gantry_host* host, const gantry_resource* resource, gantry_slice index,
                           gantry_slice value, gantry_slice ns, gantry_slice selector, gantry_visit visit,
                           void* context, gantry_buffer* error) {
  const auto watched = watched_by(host, resource);
  if (!watched) return fail(watched.error(), error);
  auto objects = (*watched)->by_index(to_view(index), to_view(value), to_view(ns));
  if (!objects) {
    return fail(Status::bad_request("the cache of " + std::string(to_view(resource->resource)) + " has no index " +
                                    std::string(to_view(index))),
                error);
  }
  return visit_selected(std::move(*objects), selector, visit, context, error);
}

constexpr gantry_cache kCache = {sizeof(gantry_cache), &cache_get, &cache_list, &cache_by_owner, &cache_by_index};

void queue_add_after(const gantry_host* host, gantry_slice ns, gantry_slice name, int64_t delay_ms) {
  if (const auto controller = controller_of(host)) {
    controller->offer({std::string(to_view(ns)), std::string(to_view(name))}, delay_ms, WorkQueue::From::kQueue);
  }
}
void queue_add(const gantry_host* host, gantry_slice ns, gantry_slice name) { queue_add_after(host, ns, name, 0); }

constexpr gantry_queue kQueue = {sizeof(gantry_queue), &queue_add, &queue_add_after};

}  // namespace

PluginServicesOptions::Answered begin_call(plugin::Plugin& plugin) {
  const auto controller = controller_of(plugin);
  const auto key = controller == nullptr ? std::nullopt : controller->current_key();
  if (!key) return nullptr;
  return [controller, key = *key](const client::ApiRequest& request, const client::ApiResponse& answer) {
    controller->note_write(key, request, answer);
  };
}

std::string component_of(plugin::Plugin& plugin) {
  const auto controller = controller_of(plugin);
  return controller == nullptr || !controller->reconciles() ? plugin.name() : controller->name() + "-controller";
}

void provide_controller_interfaces(plugin::PluginHost& host) {
  host.provide(GANTRY_CACHE_ID, &kCache);
  host.provide(GANTRY_QUEUE_ID, &kQueue);
}

}  // namespace gantry::controller
