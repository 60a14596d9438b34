#include "core/node/volumes/references.hpp"

#include <algorithm>
#include <map>

#include "core/node/find_container.hpp"
#include "core/schema/values/text.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::node {
namespace {

using Variables = std::vector<std::pair<std::string, std::string>>;

const std::string* value_of(const Variables& variables, std::string_view name) {
  const auto it = std::find_if(variables.begin(), variables.end(), [&](const auto& v) { return v.first == name; });
  return it == variables.end() ? nullptr : &it->second;
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
  for (const auto& [key, value] : std::map<std::string, std::string>(map.begin(), map.end())) {
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
    if (const auto* value = value_of(environment, name))
      out += *value;
    else
      out += "$(" + std::string(name) + ")";
    i = close;
  }
  return out;
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
