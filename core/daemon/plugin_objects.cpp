#include "core/daemon/plugin_objects.hpp"

#include <algorithm>
#include <cstdio>
#include <future>

#include "core/simulation/turns.hpp"
#include "gantry/abi/log.h"
#include "k8s.io/api/core/v1/reference.pb.h"

namespace gantry::daemon {
namespace {

using plugin::PluginInfo;
using plugin::PluginPhase;
namespace meta = k8s::io::apimachinery::pkg::apis::meta::v1;

const client::ResourceRef kPlugins{"gantry.dev", "v1", "plugins"};
constexpr int64_t kRetryMs = 1'000, kMostRetryMs = 60'000;

void set_time(meta::Time& time, int64_t unix_ns) { time.set_seconds(unix_ns / 1'000'000'000); }

// "gantry.controller/1" is a "controller".
std::string kind_of(const std::vector<std::string>& interfaces) {
  std::string kinds;
  for (const auto& id : interfaces) {
    const auto slash = id.find('/');
    const auto word = id.starts_with("gantry.") ? id.substr(7, slash == std::string::npos ? slash : slash - 7) : id;
    if (word != "reload") kinds += (kinds.empty() ? "" : ",") + word;
  }
  return kinds;
}

std::string duration_text(int64_t ns) {
  char text[32];
  if (ns < 1'000'000) {
    std::snprintf(text, sizeof text, "%lldus", static_cast<long long>(ns / 1'000));
  } else {
    std::snprintf(text, sizeof text, "%.1fms", static_cast<double>(ns) / 1e6);
  }
  return text;
}

// An Event's message is short; the whole stack is in the status and in the log.
std::string first_frames(const std::string& stack) {
  constexpr size_t kFrames = 5;
  std::string text;
  size_t begin = 0;
  for (size_t i = 0; i < kFrames && begin < stack.size(); ++i) {
    const auto end = std::min(stack.find('\n', begin), stack.size());
    text += (i == 0 ? "; in " : " < ") + stack.substr(begin, end - begin).substr(0, 100);
    begin = end + 1;
  }
  return text;
}

void set_condition(pluginv1::PluginStatus& status, const std::string& type, bool yes, const std::string& reason,
                   const std::string& message, int64_t generation, int64_t now_ns) {
  meta::Condition* found = nullptr;
  for (auto& known : *status.mutable_conditions()) {
    if (known.type() == type) found = &known;
  }
  if (found == nullptr) {
    found = status.add_conditions();
    found->set_type(type);
  }
  const std::string value = yes ? "True" : "False";
  if (found->status() != value) set_time(*found->mutable_last_transition_time(), now_ns);
  found->set_status(value);
  found->set_reason(reason);
  found->set_message(message);
  found->set_observed_generation(generation);
}

bool has_condition(const pluginv1::PluginStatus& status, std::string_view type) {
  return std::any_of(status.conditions().begin(), status.conditions().end(),
                     [type](const meta::Condition& known) { return known.type() == type; });
}

void fill(pluginv1::PluginStatus& status, const PluginInfo& info) {
  status.set_state(std::string(plugin::state_name(info)));
  status.set_message(info.message.empty() && info.phase == PluginPhase::kRunning ? info.waiting : info.message);
  status.set_version(info.image.version);
  status.set_vendor(info.image.vendor);
  status.set_description(info.image.description);
  if (info.image.abi_major > 0) {
    status.set_abi(std::to_string(info.image.abi_major) + "." + std::to_string(info.image.abi_minor));
  }
  status.set_kind(kind_of(info.image.interfaces));
  status.clear_interfaces();
  for (const auto& id : info.image.interfaces) status.add_interfaces(id);
  status.set_isolation(info.process ? "Process" : "None");
  status.set_reloads(static_cast<int64_t>(info.reloads));
  status.set_failed_reloads(static_cast<int64_t>(info.failed_reloads));
  status.set_restarts(static_cast<int64_t>(info.restarts));
  status.set_required(info.required);
  status.set_file(info.image.path);
  status.set_sha256(info.image.sha256);
  if (info.overdue > 0) {
    status.set_overdue_reconciles(static_cast<int64_t>(info.overdue));
    status.set_strikes(info.strikes);
    status.set_last_overdue(info.last_overdue);
    status.set_last_overdue_stack(info.last_overdue_stack);
    set_time(*status.mutable_last_overdue_time(), info.last_overdue_unix_ns);
  }
  if (info.last_reload_unix_ns == 0) return;
  set_time(*status.mutable_last_reload_time(), info.last_reload_unix_ns);
  status.set_last_pause(duration_text(info.last_pause_ns));
}

void fill_conditions(pluginv1::Plugin& object, const PluginInfo& info, int64_t now_ns) {
  auto& status = *object.mutable_status();
  const auto generation = object.metadata().generation();
  const bool runs = info.phase == PluginPhase::kRunning;
  set_condition(status, "Ready", runs && info.waiting.empty(), std::string(plugin::state_name(info)),
                runs ? info.waiting : info.message, generation, now_ns);
  if (!info.crash.empty() || has_condition(status, "Trusted")) {
    const bool trusted = info.crash.empty();
    set_condition(status, "Trusted", trusted, trusted ? "Forgiven" : "EndedTheDaemon", info.crash, generation, now_ns);
  }
  if (info.overdue > 0) {
    const bool late = info.overdue_now > 0;
    set_condition(status, "Responsive", !late, late ? "ReconcileOverdue" : "ReconcilesEnd",
                  late ? info.last_overdue : "", generation, now_ns);
  }
  if (info.reloads + info.failed_reloads == 0) return;
  const bool failed = runs && !info.message.empty();
  set_condition(status, "Reloaded", !failed, failed ? "ReloadFailed" : "Reloaded", failed ? info.message : "",
                generation, now_ns);
}

bool says_off(const pluginv1::Plugin& object) { return object.spec().has_enabled() && !object.spec().enabled(); }

}  // namespace

PluginObjects::PluginObjects(Options options) : options_(std::move(options)) {}
PluginObjects::~PluginObjects() { stop(); }

std::set<std::string> PluginObjects::switched_off(client::Client& client) {
  client::ApiRequest request;
  request.set_verb(client::ApiRequest::LIST);
  request.set_group(kPlugins.group);
  request.set_version(kPlugins.version);
  request.set_resource(kPlugins.resource);
  std::set<std::string> off;
  const auto answer = client.call(std::move(request));
  for (int i = 0; answer && i < answer->objects_size(); ++i) {
    pluginv1::Plugin object;
    if (object.ParseFromString(answer->objects(i)) && says_off(object)) {
      off.insert(object.metadata().name());
    }
  }
  return off;
}

void PluginObjects::start() {
  options_.host->on_change([this](const plugin::Plugin& plugin) { note(plugin.name()); });
  client::WatchRequest what;
  what.group = kPlugins.group;
  what.version = kPlugins.version;
  what.resource = kPlugins.resource;
  client::ReflectorHandler handler;
  const auto seen = [this](const client::Object& bytes) {
    pluginv1::Plugin object;
    if (!object.ParseFromArray(bytes.bytes.data(), static_cast<int>(bytes.bytes.size()))) return;
    remember(object);
    note(object.metadata().name());
  };
  handler.replace = [this, seen](const client::Client::List& list) {
    for (const auto& object : list.objects) seen(object);
    for (const auto& info : options_.host->list()) note(info.name);
  };
  handler.event = [seen](const client::WatchEvent& event) { seen(event.object); };
  client::ReflectorOptions watching;
  watching.schedule = options_.schedule;
  watching.run = [this](std::function<void()> read) { pool_.post(std::move(read)); };
  watch_ = client::start_reflector(*options_.client, std::move(what), std::move(handler), std::move(watching));
}

void PluginObjects::stop() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(stopped_, true)) return;
  }
  options_.host->on_change(nullptr);
  watch_.reset();
  pool_.stop();
}

void PluginObjects::note(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (stopped_) return;
  dirty_.insert(name);
  if (!std::exchange(posted_, true)) pool_.post([this] { work(); });
}

void PluginObjects::remember(const pluginv1::Plugin& object) {
  const std::lock_guard lock(mutex_);
  if (says_off(object)) {
    off_.insert(object.metadata().name());
  } else {
    off_.erase(object.metadata().name());
  }
}

void PluginObjects::work() {
  for (;;) {
    std::string name;
    {
      const std::lock_guard lock(mutex_);
      if (dirty_.empty() || stopped_) {
        posted_ = false;
        return;
      }
      name = std::move(dirty_.extract(dirty_.begin()).value());
    }
    sync(name);
  }
}

void PluginObjects::sync(const std::string& name) {
  auto object = find_or_create(name);
  if (!object) {
    retry(name, "the Plugin object " + name, object.error());
    return;
  }
  {
    const simulation::GiveWay exchange;  // it waits for reconciles under way
    (void)act(*object);                  // a failure is in the plugin's info
  }
  PluginInfo info;
  if (const auto plugin = options_.host->find_any(name)) {
    info = plugin->info();
  } else {
    info.name = name;
    info.message = "no file " + name + ".so in plugins.dirs";
  }
  const auto before = told_.find(name);
  tell(*object, before == told_.end() ? PluginInfo() : before->second, info);
  told_[name] = info;
  write_status(std::move(*object), info);
}

Expected<pluginv1::Plugin> PluginObjects::find_or_create(const std::string& name) {
  auto found = client::parse_object<pluginv1::Plugin>(options_.client->call(client::get_request(kPlugins, "", name)));
  if (found) remember(*found);
  if (found || found.error().code() != 404) return found;
  pluginv1::Plugin object;
  object.mutable_metadata()->set_name(name);
  {
    // Who deletes the object of a plugin that is off does not ask for the plugin.
    const std::lock_guard lock(mutex_);
    if (off_.contains(name)) object.mutable_spec()->set_enabled(false);
  }
  return client::parse_object<pluginv1::Plugin>(
      options_.client->call(client::create_request(kPlugins, "", object.SerializeAsString())));
}

// What the object asks for and has not been done yet.
Status PluginObjects::act(pluginv1::Plugin& object) {
  const auto& name = object.metadata().name();
  const auto plugin = options_.host->find_any(name);
  const bool off = says_off(object);
  const bool is_off = plugin == nullptr || plugin->info().phase == PluginPhase::kDisabled;
  Status done;
  if (off && !is_off) {
    done = options_.control->disable(name);
  } else if (!off && plugin != nullptr && is_off) {
    done = options_.control->reload(name);
  } else if (!off && object.spec().reload() != object.status().observed_reload()) {
    done = options_.control->reload(name);
  }
  object.mutable_status()->set_observed_reload(object.spec().reload());
  object.mutable_status()->set_observed_generation(object.metadata().generation());
  return done;
}

void PluginObjects::write_status(pluginv1::Plugin object, const PluginInfo& info) {
  const auto before = object.status().SerializeAsString();
  fill(*object.mutable_status(), info);
  fill_conditions(object, info, options_.now_unix_ns());
  const auto name = object.metadata().name();
  if (object.status().SerializeAsString() == before) {
    retries_.erase(name);
    return;
  }
  const auto answer =
      options_.client->call(client::update_request(kPlugins, "", name, object.SerializeAsString(), "status"));
  // Somebody wrote in between: his event brings this here again.
  if (answer || answer.error().code() == 409 || answer.error().code() == 404) {
    retries_.erase(name);
    return;
  }
  retry(name, "the status of the Plugin object " + name, answer.error());
}

// What the server does not take will not be taken the next time either: it waits for the plugin's next change.
void PluginObjects::retry(const std::string& name, const std::string& what, const Status& why) {
  options_.log(GANTRY_LOG_WARN, what + ": " + why.message());
  if (why.code() == 400 || why.code() == 413 || why.code() == 415 || why.code() == 422) {
    retries_.erase(name);
    return;
  }
  int64_t& wait = retries_.try_emplace(name, kRetryMs).first->second;
  options_.schedule(wait, [this, name] { note(name); });
  wait = std::min(wait * 2, kMostRetryMs);
}

void PluginObjects::tell(const pluginv1::Plugin& object, const PluginInfo& before, const PluginInfo& now) {
  k8s::io::api::core::v1::ObjectReference reference;
  reference.set_kind("Plugin");
  reference.set_api_version("gantry.dev/v1");
  reference.set_name(object.metadata().name());
  reference.set_uid(object.metadata().uid());
  const auto event = [&](std::string_view type, std::string_view reason, const std::string& message) {
    options_.record_event(reference.SerializeAsString(), type, reason, message);
  };
  if (now.reloads > before.reloads) {
    event("Normal", "Reloaded",
          "Version " + now.image.version + " took over; calls waited for " + duration_text(now.last_pause_ns));
  }
  if (now.failed_reloads > before.failed_reloads) event("Warning", "ReloadFailed", now.message);
  if (now.restarts > before.restarts) event("Normal", "Restarted", "Started anew after a crash");
  if (now.overdue > before.overdue) {
    event("Warning", "ReconcileOverdue", now.last_overdue + first_frames(now.last_overdue_stack));
  }
  if (!now.crash.empty() && now.crash != before.crash) event("Warning", "EndedTheDaemon", now.crash);
  if (!now.waiting.empty() && now.waiting != before.waiting) event("Warning", "Degraded", now.waiting);
  if (now.moved && !before.moved) event("Warning", "Isolated", "Moved to a process of its own by the watchdog");
  if (now.phase == before.phase && !before.name.empty()) return;
  switch (now.phase) {
    case PluginPhase::kRunning:
      if (now.reloads == before.reloads)
        event("Normal", "Started", "Version " + now.image.version + " of " + now.image.path);
      break;
    case PluginPhase::kFailed:
      event("Warning", "Failed", now.message);
      break;
    case PluginPhase::kDisabled:
      event("Normal", "Disabled", "Switched off");
      break;
    case PluginPhase::kCrashed:
      event("Warning", "Crashed", now.message);
      break;
    case PluginPhase::kReplaced:
      event("Normal", "Replaced", now.message);
      break;
  }
}

Status PluginObjects::set_enabled(const std::string& name, bool enabled) {
  if (options_.host->find_any(name) == nullptr) return Status::not_found("plugin \"" + name + "\" not found");
  const auto want = [&](bool on) {
    const auto answer = options_.client->call(client::patch_request(
        kPlugins, "", name, std::string(R"({"spec":{"enabled":)") + (on ? "true" : "false") + "}}",
        client::ApiRequest::MERGE_PATCH));
    return answer ? Status() : answer.error();
  };
  // The object first: whoever acts on it meanwhile does the same.
  if (auto done = want(enabled); !done.ok()) return done;
  if (enabled) return options_.host->find(name) != nullptr ? Status() : options_.control->reload(name);
  auto done = options_.control->disable(name);
  if (!done.ok()) (void)want(true);
  return done;
}

}  // namespace gantry::daemon
