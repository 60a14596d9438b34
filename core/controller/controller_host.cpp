#include "core/controller/controller_host.hpp"

#include <algorithm>

#include "core/controller/plugin_interfaces.hpp"
#include "core/controller/running_controller.hpp"
#include "gantry/abi/cache.h"
#include "gantry/abi/draft/watches.h"
#include "gantry/abi/log.h"

namespace gantry::controller {

namespace {

using gantry::abi::WatchSpec;

// A large list that is read holds up no other informer.
constexpr size_t kInboxThreads = 2;

// Events are many, short-lived and owned by nobody: what watches everything does not watch them.
bool watched_by_all(const ControllerHostOptions::Resource& resource) { return resource.resource != "events"; }

InformerKey key_of(const WatchSpec& watch) {
  return {watch.group(),          watch.version(),        watch.resource(),
          watch.label_selector(), watch.field_selector(), watch.metadata_only()};
}

}  // namespace

ControllerHost::ControllerHost(ControllerHostOptions options)
    : options_(std::move(options)),
      services_({options_.plugins, options_.make_client, options_.record_event, &component_of, &begin_call}),
      pool_("controllers", options_.worker_threads),
      inboxes_("informers", kInboxThreads) {
  provide_controller_interfaces(*options_.plugins);
  options_.plugins->add_user(this);
}

ControllerHost::~ControllerHost() { stop(); }

void ControllerHost::start() {
  std::vector<ControllerPtr> made;
  for (const auto* id : {GANTRY_CONTROLLER_ID, GANTRY_WATCHES_ID}) {
    for (const auto& plugin : options_.plugins->with_interface(id)) {
      if (auto controller = begin(*plugin)) made.push_back(std::move(controller));
    }
  }
  // All of them are known now, so that whole objects serve those who need only metadata, too.
  for (const auto& controller : made) connect(*controller);
  {
    const std::lock_guard lock(mutex_);
    started_ = true;
  }
  start_informers();
  for (const auto& controller : made) controller->start_if_synced();
  tell_waiting();
}

// Null: it wants nothing, has what it wants already, or can't say it.
ControllerHost::ControllerPtr ControllerHost::begin(plugin::Plugin& plugin) {
  const auto call = plugin.enter();
  if (!call || !wants_something(call.pinned()) || running(plugin) != nullptr) return nullptr;
  auto wants = ask_wants(call.pinned(), plugin.name());
  if (!wants) {
    if (plugin.info().waiting == wants.error().message()) return nullptr;
    options_.log(GANTRY_LOG_ERROR, wants.error().message());
    plugin.set_waiting(wants.error().message());
    return nullptr;
  }
  auto made = make_controller(plugin, std::move(*wants));
  set_running(plugin, made);
  return made;
}

bool ControllerHost::wants_something(const plugin::Instance& instance) const {
  return (options_.run_controllers && instance.interface<gantry_controller>(GANTRY_CONTROLLER_ID) != nullptr) ||
         instance.interface<gantry_watches>(GANTRY_WATCHES_ID) != nullptr;
}

ControllerHost::ControllerPtr ControllerHost::make_controller(plugin::Plugin& plugin, Wants wants) {
  return std::make_shared<RunningController>(*this, options_.plugins->find_any(plugin.name()), std::move(wants));
}

void ControllerHost::connect(RunningController& controller) {
  for (const auto& watch : controller.spec().watches()) controller.watch(informer(key_of(watch)), watch);
  connect_to_all(controller);
}

void ControllerHost::connect_to_all(RunningController& controller) {
  if (!controller.spec().watch_all_resources()) return;
  for (const auto& resource : options_.resources()) {
    if (!watched_by_all(resource) || controller.find(resource.group, resource.resource) != nullptr) continue;
    WatchSpec watch = controller.spec().all();
    if (!controller.spec().has_all()) watch.set_mapping(WatchSpec::CUSTOM);
    watch.set_group(resource.group);
    watch.set_version(resource.version);
    watch.set_resource(resource.resource);
    watch.set_metadata_only(true);
    controller.watch(informer(key_of(watch)), watch);
  }
}

void ControllerHost::resources_changed() {
  {
    const std::lock_guard lock(mutex_);
    if (!started_ || stopped_) return;
  }
  for (const auto& controller : controllers()) connect_to_all(*controller);
  start_informers();
  std::vector<std::shared_ptr<Informer>> all;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, informer] : informers_) all.push_back(informer);
  }
  for (const auto& informer : all) informer->try_again();
}

// Whole objects serve those who need only metadata, too: one cache a resource where that is possible.
std::shared_ptr<Informer> ControllerHost::informer(const InformerKey& key) {
  InformerKey whole = key;
  whole.metadata_only = false;
  const std::lock_guard lock(mutex_);
  bool wanted_whole = informers_.count(whole) != 0;
  for (const auto& controller : controllers_) {
    for (const auto& watch : controller->spec().watches()) wanted_whole = wanted_whole || key_of(watch) == whole;
  }
  auto& slot = informers_[wanted_whole ? whole : key];
  if (slot != nullptr) return slot;
  slot = std::make_shared<Informer>(wanted_whole ? whole : key,
                                    options_.indexes ? options_.indexes(key) : std::vector<schema::IndexedField>());
  return slot;
}

void ControllerHost::start_informers() {
  std::vector<std::shared_ptr<Informer>> fresh;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [key, informer] : informers_) {
      if (!informer->started()) fresh.push_back(informer);
    }
  }
  for (const auto& informer : fresh) {
    client::ReflectorOptions options;
    options.schedule = [this](int64_t delay_ms, std::function<void()> fn) {
      options_.timers->start(delay_ms, std::move(fn));
    };
    options.run = [this](std::function<void()> fn) { inboxes_.post(std::move(fn)); };
    informer->start(*options_.client, std::move(options), [this] { informer_changed(); });
  }
}

void ControllerHost::tell_waiting() {
  const std::lock_guard telling(telling_);  // or who looked first, and tells last, has the last word
  for (const auto& controller : controllers()) {
    const auto why = controller->refused();
    if (controller->plugin().info().waiting == why) continue;
    if (why.empty()) {
      options_.log(GANTRY_LOG_INFO, controller->title() + ": all that it watches is served now");
    } else {
      options_.log(GANTRY_LOG_ERROR, controller->title() + " waits: " + why);
    }
    controller->plugin().set_waiting(why);  // after its line, so that whoever sees it finds that, too
  }
}

void ControllerHost::informer_changed() {
  {
    const std::lock_guard lock(mutex_);  // whoever waits is either before his look, or is woken
  }
  synced_.notify_all();
  for (const auto& controller : controllers()) controller->start_if_synced();
  tell_waiting();
}

std::vector<ControllerHost::ControllerPtr> ControllerHost::controllers() const {
  const std::lock_guard lock(mutex_);
  return controllers_;
}

ControllerHost::ControllerPtr ControllerHost::running(const plugin::Plugin& plugin) const {
  const std::lock_guard lock(mutex_);
  for (const auto& controller : controllers_) {
    if (&controller->plugin() == &plugin) return controller;
  }
  return nullptr;
}

void ControllerHost::set_running(const plugin::Plugin& plugin, ControllerPtr controller) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(controllers_, [&](const auto& known) { return &known->plugin() == &plugin; });
    if (controller != nullptr) controllers_.push_back(controller);
  }
  if (const auto place = options_.plugins->find_any(plugin.name())) {
    if (controller == nullptr) place->set_waiting({});
    place->attach(GANTRY_CACHE_ID, std::move(controller));
  }
}

bool ControllerHost::synced() const {
  const std::lock_guard lock(mutex_);
  return std::all_of(informers_.begin(), informers_.end(),
                     [](const auto& known) { return known.second->synced() || !known.second->refused().ok(); });
}

void ControllerHost::stop() {
  options_.plugins->remove_user(this);
  std::map<InformerKey, std::shared_ptr<Informer>> informers;
  std::vector<ControllerPtr> controllers;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
    informers.swap(informers_);
    controllers = controllers_;
  }
  for (const auto& [key, informer] : informers) informer->stop();
  inboxes_.stop();
  for (const auto& controller : controllers) controller->stop();
  pool_.stop();
  services_.stop();
  for (const auto& controller : controllers) controller->plugin().attach(GANTRY_CACHE_ID, nullptr);
  const std::lock_guard lock(mutex_);
  controllers_.clear();
}

}  // namespace gantry::controller
