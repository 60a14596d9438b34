#include "core/controller/controller_host.hpp"

#include "core/controller/plugin_interfaces.hpp"
#include "core/controller/running_controller.hpp"
#include "gantry/abi/cache.h"
#include "gantry/abi/log.h"
#include "gantry/bytes.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::controller {
namespace {

using gantry::abi::WatchSpec;

// Events are many, short-lived and owned by nobody: what watches everything does not watch them.
bool watched_by_all(const ControllerHostOptions::Resource& resource) { return resource.resource != "events"; }

InformerKey key_of(const WatchSpec& watch) {
  return {watch.group(), watch.version(), watch.resource(), watch.label_selector(), watch.field_selector(),
          watch.metadata_only()};
}

}  // namespace

ControllerHost::ControllerHost(ControllerHostOptions options)
    : options_(std::move(options)), pool_("controllers", options_.worker_threads) {
  provide_controller_interfaces(*options_.plugins);
}

ControllerHost::~ControllerHost() { stop(); }

void ControllerHost::start() {
  std::vector<std::shared_ptr<plugin::Plugin>> found = options_.plugins->with_interface(GANTRY_CONTROLLER_ID);
  for (const auto& plugin : found) add_controller(plugin);
  // Whole objects serve those who need only metadata, too: one cache a resource where that is possible.
  const auto shared = [this](const InformerKey& key) {
    InformerKey whole = key;
    whole.metadata_only = false;
    for (const auto& controller : controllers_) {
      for (const auto& watch : controller->spec().watches()) {
        if (key_of(watch) == whole) return informer(whole);
      }
    }
    return informer(key);
  };
  for (const auto& controller : controllers_) {
    for (const auto& watch : controller->spec().watches()) controller->watch(shared(key_of(watch)), watch);
    if (!controller->spec().watch_all_resources()) continue;
    for (const auto& resource : options_.resources()) {
      if (!watched_by_all(resource) || controller->find(resource.group, resource.resource) != nullptr) continue;
      WatchSpec watch;
      watch.set_group(resource.group);
      watch.set_version(resource.version);
      watch.set_resource(resource.resource);
      watch.set_mapping(WatchSpec::CUSTOM);
      watch.set_metadata_only(true);
      controller->watch(shared(key_of(watch)), watch);
    }
  }
  const auto schedule = [this](int64_t delay_ms, std::function<void()> fn) {
    options_.timers->start(delay_ms, std::move(fn));
  };
  for (const auto& [key, informer] : informers_) {
    informer->start(*options_.client, schedule, [this] {
      for (const auto& controller : controllers_) controller->start_if_synced();
    });
  }
  for (const auto& controller : controllers_) controller->start_if_synced();
}

void ControllerHost::add_controller(const std::shared_ptr<plugin::Plugin>& plugin) {
  const auto* table = plugin->interface<gantry_controller>(GANTRY_CONTROLLER_ID);
  Buffer bytes, error;
  const auto code = table->describe(plugin->instance(), bytes.out(), error.out());
  gantry::abi::ControllerSpec spec;
  if (code != 0 || !spec.ParseFromArray(bytes.view().data(), static_cast<int>(bytes.view().size()))) {
    options_.log(GANTRY_LOG_ERROR, "plugin " + plugin->name() + " could not describe its controller: " +
                                       status_of(code == 0 ? 500 : code, error.view()).message());
    return;
  }
  if (spec.name().empty()) spec.set_name(plugin->name());
  auto controller = std::make_shared<RunningController>(*this, plugin, std::move(spec));
  plugin->attach(GANTRY_CACHE_ID, controller);
  controllers_.push_back(std::move(controller));
}

std::shared_ptr<Informer> ControllerHost::informer(InformerKey key) {
  auto& slot = informers_[key];
  if (slot == nullptr) slot = std::make_shared<Informer>(std::move(key));
  return slot;
}

bool ControllerHost::synced() const {
  for (const auto& [key, informer] : informers_) {
    if (!informer->synced()) return false;
  }
  return true;
}

void ControllerHost::stop() {
  if (std::exchange(stopped_, true)) return;
  for (const auto& [key, informer] : informers_) informer->stop();
  for (const auto& controller : controllers_) controller->queue().stop();
  pool_.stop();
  for (const auto& controller : controllers_) controller->plugin().attach(GANTRY_CACHE_ID, nullptr);
  controllers_.clear();
  informers_.clear();
}

}  // namespace gantry::controller
