// What the clients of network and overlay plugins share: the plugin's verbs, and what the next instance of the plugin
// must hear before anything else. Copies share their state. [any-thread], as what derives says
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "core/plugin/plugin_verbs.hpp"
#include "gantry/status.hpp"

namespace gantry::network {

// What a plugin was told last by one of its verbs.
class Told {
 public:
  void set(std::string bytes) const {
    const std::lock_guard lock(shared_->mutex);
    shared_->bytes = std::move(bytes);
  }
  std::optional<std::string> get() const {
    const std::lock_guard lock(shared_->mutex);
    return shared_->bytes;
  }

 private:
  struct Shared {
    std::mutex mutex;
    std::optional<std::string> bytes;
  };
  std::shared_ptr<Shared> shared_ = std::make_shared<Shared>();
};

template <typename Table>
class BackendClient {
 public:
  const plugin::Plugin* plugin() const { return verbs_.plugin(); }
  // What the others see as the node's backend.
  std::string name() const { return plugin() == nullptr ? std::string() : plugin()->acting().name(); }

 protected:
  using Verb = plugin::Verb Table::*;
  explicit BackendClient(plugin::PluginVerbs<Table> verbs) : verbs_(std::move(verbs)) {}

  template <typename Answer, typename Request>
  Expected<Answer> call(Verb verb, const Request& request) const {
    return verbs_.template call<Answer>(verb, request);
  }
  // The same of what the next instance is to hear as well.
  template <typename Answer, typename Request>
  Expected<Answer> set(Verb verb, const Told& told, const Request& request) const {
    told.set(request.SerializeAsString());
    return call<Answer>(verb, request);
  }
  // Of an instance that is not the plugin's yet; empty when it has no such interface.
  plugin::PinnedVerbs<Table> of(plugin::Instance* next) const {
    return next == nullptr ? plugin::PinnedVerbs<Table>() : verbs_.of(*next);
  }
  template <typename Answer>
  Expected<Answer> ask(const plugin::PinnedVerbs<Table>& next, Verb verb, const std::string& request) const {
    return verbs_.template decode<Answer>(next.call(verb, request));
  }

 private:
  plugin::PluginVerbs<Table> verbs_;
};

}  // namespace gantry::network
