#include "core/network/services/keeper.hpp"

#include "gantry/abi/log.h"

namespace gantry::network {

void Keeper::start() {
  KeyedStepsOptions steps;
  steps.client = options_.client;
  steps.schedule = options_.schedule;
  steps.next = [weak = weak_from_this()](const std::string& name) -> std::optional<client::ApiRequest> {
    const auto self = weak.lock();
    return self ? self->next(name) : std::nullopt;
  };
  steps.trouble = [log = options_.log, what = what_](const std::string& name, const Status& why) {
    log(GANTRY_LOG_WARN, what + " " + name + " can't be written: " + why.message() + "; it is tried again");
  };
  steps_ = std::make_shared<KeyedSteps>(std::move(steps));
  follow_all();
}

void Keeper::stop() {
  followed_.clear();
  steps_->stop();
}

void Keeper::look(const Names& names) const {
  for (const auto& name : names) steps_->look(name);
}

void Keeper::follow_with(const client::ResourceRef& what, std::string selector, client::ReflectorHandler handler) {
  client::WatchRequest watched;
  watched.group = what.group;
  watched.version = what.version;
  watched.resource = what.resource;
  watched.label_selector = std::move(selector);
  client::ReflectorOptions watching;
  watching.schedule = options_.schedule;
  watching.run = options_.run;
  followed_.push_back(
      client::start_reflector(*options_.client, std::move(watched), std::move(handler), std::move(watching)));
}

}  // namespace gantry::network
