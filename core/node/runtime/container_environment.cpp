// Environment of a container, in the order in which Kubernetes lets later entries see earlier ones.
#include "core/node/runtime/container_environment.hpp"

#include <algorithm>
#include <map>
#include <string_view>

#include "core/node/find_container.hpp"
#include "core/schema/values/text.hpp"
#include "core/schema/values/values.hpp"

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

const std::string* find(const Variables& variables, std::string_view name) {
  const auto it = std::find_if(variables.begin(), variables.end(), [&](const auto& v) { return v.first == name; });
  return it == variables.end() ? nullptr : &it->second;
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

// "metadata.labels['a']" to {"metadata.labels", "a"}.
bool split_subscript(std::string_view path, std::string& base, std::string& key) {
  if (!path.ends_with("']")) return false;
  const auto open = path.find("['");
  if (open == std::string_view::npos || open + 2 > path.size() - 2) return false;
  base = path.substr(0, open);
  key = path.substr(open + 2, path.size() - open - 4);
  return true;
}

template <typename Map>
std::string format_map(const Map& map) {
  std::string out;
  for (const auto& [key, value] : sorted(map)) {
    if (!out.empty()) out += '\n';
    out += key + "=" + schema::quoted(value);
  }
  return out;
}

std::string joined_or(const std::vector<std::string>& parts, const std::string& otherwise) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ",") + part;
  return out.empty() ? otherwise : out;
}

int64_t ceil_divide(int64_t amount, int64_t by) { return amount / by + (amount % by > 0 ? 1 : 0); }

}  // namespace

std::string expand(std::string_view text, const Variables& environment) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char next = text[++i];
    if (next == '$') {
      out += '$';
      continue;
    }
    const auto close = next == '(' ? text.find(')', i) : std::string_view::npos;
    if (close == std::string_view::npos) {
      out += '$';
      out += next;
      continue;
    }
    const auto name = text.substr(i + 1, close - i - 1);
    if (const auto* value = find(environment, name))
      out += *value;
    else
      out += "$(" + std::string(name) + ")";
    i = close;
  }
  return out;
}

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

Expected<std::string> field_value(const corev1::Pod& pod, const std::string& path, const PodFacts& facts) {
  const auto& metadata = pod.metadata();
  std::string base, key;
  if (split_subscript(path, base, key)) {
    if (base != "metadata.labels" && base != "metadata.annotations") {
      return Status::invalid("fieldPath \"" + path + "\" does not support subscript");
    }
    const auto& map = base == "metadata.labels" ? metadata.labels() : metadata.annotations();
    const auto it = map.find(key);
    return it == map.end() ? std::string() : it->second;
  }
  if (path == "metadata.name") return metadata.name();
  if (path == "metadata.namespace") return metadata.namespace_();
  if (path == "metadata.uid") return metadata.uid();
  if (path == "metadata.labels") return format_map(metadata.labels());
  if (path == "metadata.annotations") return format_map(metadata.annotations());
  if (path == "spec.nodeName") return pod.spec().node_name().empty() ? facts.node_name : pod.spec().node_name();
  if (path == "spec.serviceAccountName") return pod.spec().service_account_name();
  if (path == "status.hostIP") return facts.host_ip;
  if (path == "status.hostIPs") return joined_or(facts.host_ips, facts.host_ip);
  if (path == "status.podIP") return facts.pod_ip;
  if (path == "status.podIPs") return joined_or(facts.pod_ips, facts.pod_ip);
  return Status::invalid("unsupported fieldPath: " + path);
}

Expected<std::string> resource_value(const corev1::Pod& pod, const corev1::ResourceFieldSelector& selector,
                                     const std::string& container, const PodFacts& facts) {
  const auto& name = selector.container_name().empty() ? container : selector.container_name();
  const auto* found = find_container(pod, name);
  if (found == nullptr) return Status::not_found("container " + name + " not found");
  const auto dot = selector.resource().find('.');
  const auto kind = selector.resource().substr(0, dot);
  if (dot == std::string::npos || (kind != "limits" && kind != "requests")) {
    return Status::invalid("unsupported container resource : " + selector.resource());
  }
  const auto resource = selector.resource().substr(dot + 1);
  const bool cpu = resource == "cpu";
  const auto read = [&](const std::string& text) {
    const auto quantity = schema::Quantity::parse(text);
    return !quantity ? int64_t{0} : cpu ? quantity->milli_value() : quantity->value();
  };
  const auto& amounts = kind == "limits" ? found->resources().limits() : found->resources().requests();
  const auto it = amounts.find(resource);
  int64_t amount = it == amounts.end() ? 0 : read(it->second.string());
  if (amount == 0 && kind == "limits" && cpu) amount = facts.allocatable_cpu_milli;
  if (amount == 0 && kind == "limits" && resource == "memory") amount = facts.allocatable_memory;
  int64_t divisor = selector.divisor().string().empty() ? 0 : read(selector.divisor().string());
  if (divisor <= 0) divisor = cpu ? 1000 : 1;
  return std::to_string(ceil_divide(amount, divisor));
}

}  // namespace gantry::node
