// Environment of a container, in the order in which Kubernetes lets later entries see earlier ones.
#include "core/node/runtime/container_environment.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace gantry::node {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

void set(Variables& variables, const std::string& name, std::string value) {
  const auto it = std::find_if(variables.begin(), variables.end(), [&](const auto& v) { return v.first == name; });
  if (it != variables.end())
    it->second = std::move(value);
  else
    variables.emplace_back(name, std::move(value));
}

// Keys that cannot be names of variables are left out, as the API promises for envFrom.
bool usable_name(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~' && c != '='; });
}

template <typename Map>
std::map<std::string, std::string> sorted(const Map& map) {
  return {map.begin(), map.end()};
}

template <typename Map>
void add_all(Variables& variables, const std::string& prefix, const Map& data) {
  for (auto& [key, value] : sorted(data)) {
    if (usable_name(prefix + key)) set(variables, prefix + key, value);
  }
}

Status check_values(const Variables& variables) {
  for (const auto& [name, value] : variables) {
    if (value.find('\0') == std::string::npos) continue;
    return Status::invalid("environment variable \"" + name +
                           "\" has a value with a NUL byte, which no environment can hold");
  }
  return {};
}

Status add_source(Variables& variables, const std::string& ns, const corev1::EnvFromSource& from,
                  ObjectCache& objects) {
  if (from.has_config_map_ref()) {
    const auto& ref = from.config_map_ref();
    auto map = objects.config_map(ns, ref.local_object_reference().name());
    if (map)
      add_all(variables, from.prefix(), map->data());
    else if (map.error().code() != 404 || !ref.optional())
      return std::move(map).error();
  }
  if (from.has_secret_ref()) {
    const auto& ref = from.secret_ref();
    auto secret = objects.secret(ns, ref.local_object_reference().name());
    if (secret)
      add_all(variables, from.prefix(), secret->data());
    else if (secret.error().code() != 404 || !ref.optional())
      return std::move(secret).error();
  }
  return {};
}

// The value behind a key reference; nullopt when it is optional and missing: the variable is then not set.
template <typename Object, typename Ref>
Expected<std::optional<std::string>> by_key(Expected<Object> object, const Ref& ref, const std::string& where) {
  if (!object) {
    if (object.error().code() == 404 && ref.optional()) return std::optional<std::string>();
    return std::move(object).error();
  }
  const auto it = object->data().find(ref.key());
  if (it != object->data().end()) return std::optional<std::string>(it->second);
  if (ref.optional()) return std::optional<std::string>();
  return Status::not_found("couldn't find key " + ref.key() + " in " + where + "/" +
                           ref.local_object_reference().name());
}

Expected<std::optional<std::string>> referenced(const corev1::Pod& pod, const corev1::Container& container,
                                                const corev1::EnvVarSource& from, const PodFacts& facts,
                                                ObjectCache& objects) {
  const auto& ns = pod.metadata().namespace_();
  const auto plain = [](Expected<std::string> value) -> Expected<std::optional<std::string>> {
    if (!value) return std::move(value).error();
    return std::optional<std::string>(*std::move(value));
  };
  if (from.has_field_ref()) return plain(field_value(pod, from.field_ref().field_path(), facts));
  if (from.has_resource_field_ref()) {
    return plain(resource_value(pod, from.resource_field_ref(), container.name(), facts));
  }
  if (from.has_config_map_key_ref()) {
    const auto& ref = from.config_map_key_ref();
    return by_key(objects.config_map(ns, ref.local_object_reference().name()), ref, "ConfigMap " + ns);
  }
  if (from.has_secret_key_ref()) {
    const auto& ref = from.secret_key_ref();
    return by_key(objects.secret(ns, ref.local_object_reference().name()), ref, "Secret " + ns);
  }
  return Status::invalid("fileKeyRef is not supported by this node");
}

}  // namespace

Expected<Variables> container_environment(const corev1::Pod& pod, const corev1::Container& container,
                                          const PodFacts& facts, ObjectCache& objects) {
  Variables variables;
  for (const auto& from : container.env_from()) {
    if (auto added = add_source(variables, pod.metadata().namespace_(), from, objects); !added.ok()) return added;
  }
  for (const auto& variable : container.env()) {
    if (!variable.value().empty() || !variable.has_value_from()) {
      set(variables, variable.name(), expand(variable.value(), variables));
      continue;
    }
    auto value = referenced(pod, container, variable.value_from(), facts, objects);
    if (!value) return std::move(value).error();
    if (value->has_value()) set(variables, variable.name(), **std::move(value));
  }
  if (auto status = check_values(variables); !status.ok()) return status;
  return variables;
}

CommandLine container_command(const corev1::Container& container, const Variables& environment) {
  CommandLine line;
  for (const auto& part : container.command()) line.command.push_back(expand(part, environment));
  for (const auto& part : container.args()) line.args.push_back(expand(part, environment));
  return line;
}

}  // namespace gantry::node
