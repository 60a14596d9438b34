// The cell functions of printer columns, by name, and the small readers they share.
// Called by table.cpp; pure, any thread. Every "@name" in the schema's columns must be here (table_test checks).
#include "core/schema/table_cells.hpp"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <map>
#include <set>
#include <vector>

#include "core/schema/text.hpp"
#include "core/schema/values.hpp"

namespace gantry::schema::cells {
namespace {

using Array = boost::json::array;
using Object = boost::json::object;

std::string_view view(boost::json::string_view text) { return {text.data(), text.size()}; }

void put(std::string& out, std::string_view text) { append_json_string(out, text); }
void put_or(std::string& out, std::string_view text, std::string_view otherwise) {
  put(out, text.empty() ? otherwise : text);
}

const Array* list_at(const Json& value, std::string_view path) {
  const Json* found = at(value, path);
  return found == nullptr ? nullptr : found->if_array();
}

const PodSummary& pod(Row& row) {
  if (!row.pod) row.pod = summarize_pod(row.document, row.now_ns);
  return *row.pod;
}

void pod_ready(Row& row, std::string& out) { put(out, pod(row).ready); }
void pod_status(Row& row, std::string& out) { put(out, pod(row).status); }
void pod_restarts(Row& row, std::string& out) { put(out, pod(row).restarts); }

void pod_ip(Row& row, std::string& out) {
  const Array* ips = list_at(row.document, "status.podIPs");
  std::string_view ip =
      ips == nullptr || ips->empty() ? text_at(row.document, "status.podIP") : text_at(ips->front(), "ip");
  put_or(out, ip, "<none>");
}

void pod_node(Row& row, std::string& out) { put_or(out, text_at(row.document, "spec.nodeName"), "<none>"); }

void pod_nominated_node(Row& row, std::string& out) {
  put_or(out, text_at(row.document, "status.nominatedNodeName"), "<none>");
}

void pod_readiness_gates(Row& row, std::string& out) {
  const Array* gates = list_at(row.document, "spec.readinessGates");
  if (gates == nullptr || gates->empty()) return put(out, "<none>");
  const Array* conditions = list_at(row.document, "status.conditions");
  std::map<std::string_view, bool> is_true;  // of equal types the first counts
  if (conditions != nullptr) {
    for (const Json& condition : *conditions) {
      is_true.emplace(text_at(condition, "type"), text_at(condition, "status") == "True");
    }
  }
  size_t held = 0;
  for (const Json& gate : *gates) {
    const auto found = is_true.find(text_at(gate, "conditionType"));
    held += found != is_true.end() && found->second ? 1 : 0;
  }
  put(out, std::to_string(held) + "/" + std::to_string(gates->size()));
}

void age(Row& row, std::string& out) { put(out, since(row.document, "metadata.creationTimestamp", row.now_ns)); }

void node_status(Row& row, std::string& out) {
  std::string text = "Unknown";
  if (const Array* conditions = list_at(row.document, "status.conditions")) {
    for (const Json& condition : *conditions) {
      if (text_at(condition, "type") != "Ready") continue;
      text = text_at(condition, "status") == "True" ? "Ready" : "NotReady";
    }
  }
  const Json* closed = at(row.document, "spec.unschedulable");
  if (closed != nullptr && closed->is_bool() && closed->get_bool()) text += ",SchedulingDisabled";
  put(out, text);
}

void node_roles(Row& row, std::string& out) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string_view> roles;
  const Json* labels = at(row.document, "metadata.labels");
  if (labels != nullptr && labels->is_object()) {
    for (const auto& [key, value] : labels->get_object()) {
      std::string_view name = view(key);
      if (name.starts_with(kPrefix)) {
        if (name.size() > kPrefix.size()) roles.insert(name.substr(kPrefix.size()));
      } else if (name == "kubernetes.io/role" && value.is_string() && !value.get_string().empty()) {
        roles.insert(view(value.get_string()));
      }
    }
  }
  std::string text;
  for (std::string_view role : roles) (text += text.empty() ? "" : ",") += role;
  put_or(out, text, "<none>");
}

void node_address(Row& row, std::string& out, std::string_view type) {
  std::string_view found;
  if (const Array* addresses = list_at(row.document, "status.addresses")) {
    for (const Json& address : *addresses) {
      if (found.empty() && text_at(address, "type") == type) found = text_at(address, "address");
    }
  }
  put_or(out, found, "<none>");
}
void node_internal_ip(Row& row, std::string& out) { node_address(row, out, "InternalIP"); }
void node_external_ip(Row& row, std::string& out) { node_address(row, out, "ExternalIP"); }

size_t members(const Json* value) {
  if (value == nullptr) return 0;
  if (const Object* object = value->if_object()) return object->size();
  const Array* array = value->if_array();
  return array == nullptr ? 0 : array->size();
}

void data_count(Row& row, std::string& out) {
  out += std::to_string(members(at(row.document, "data")) + members(at(row.document, "binaryData")));
}
void secret_count(Row& row, std::string& out) { out += std::to_string(members(at(row.document, "secrets"))); }

void deployment_ready(Row& row, std::string& out) {
  put(out, std::to_string(number_at(row.document, "status.readyReplicas")) + "/" +
               std::to_string(number_at(row.document, "spec.replicas")));
}

// Of the pod template, wherever the kind keeps it (spec.template, or PodTemplate's own).
void containers(Row& row, std::string& out, std::string_view member) {
  const Array* list = list_at(row.document, "spec.template.spec.containers");
  if (list == nullptr) list = list_at(row.document, "template.spec.containers");
  std::string text;
  if (list != nullptr) {
    for (const Json& container : *list) {
      if (&container != &list->front()) text += ",";
      text += text_at(container, member);
    }
  }
  put(out, text);
}
void container_names(Row& row, std::string& out) { containers(row, out, "name"); }
void container_images(Row& row, std::string& out) { containers(row, out, "image"); }

std::string expression_text(const Json& expression) {
  std::string key(text_at(expression, "key"));
  std::string_view op = text_at(expression, "operator");
  if (op == "Exists") return key;
  if (op == "DoesNotExist") return "!" + key;
  std::set<std::string_view> values;
  if (const Array* list = list_at(expression, "values")) {
    for (const Json& value : *list) {
      if (value.is_string()) values.insert(view(value.get_string()));
    }
  }
  key += op == "In" ? " in (" : " notin (";
  std::string text;
  for (std::string_view value : values) (text += text.empty() ? "" : ",") += value;
  return key + text + ")";
}

void selector(Row& row, std::string& out) {
  const Json* spec = at(row.document, "spec.selector");
  if (spec == nullptr || !spec->is_object()) return put(out, "<none>");
  const Object& object = spec->get_object();
  if (!object.contains("matchLabels") && !object.contains("matchExpressions")) {
    return put(out, format_labels(spec));  // a plain map, as Services have it
  }
  std::vector<std::pair<std::string, std::string>> parts;
  const Json* labels = object.if_contains("matchLabels");
  if (labels != nullptr && labels->is_object()) {
    for (const auto& [key, value] : labels->get_object()) {
      std::string text(view(key));
      text += "=";
      if (value.is_string()) text += view(value.get_string());
      parts.emplace_back(view(key), std::move(text));
    }
  }
  const Json* expressions = object.if_contains("matchExpressions");
  if (expressions != nullptr && expressions->is_array()) {
    for (const Json& expression : expressions->get_array()) {
      parts.emplace_back(text_at(expression, "key"), expression_text(expression));
    }
  }
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::string text;
  for (const auto& part : parts) (text += text.empty() ? "" : ",") += part.second;
  put_or(out, text, "<none>");
}

// Events come in two spellings (core/v1 and events.k8s.io/v1) of the same fields.
bool has(const Json& value, std::string_view path) {
  const Json* found = at(value, path);
  return found != nullptr && !found->is_null();
}

std::string event_first(const Row& row) {
  for (std::string_view path : {"firstTimestamp", "deprecatedFirstTimestamp"}) {
    if (has(row.document, path)) return since(row.document, path, row.now_ns);
  }
  return since(row.document, "eventTime", row.now_ns);
}
void event_first_seen(Row& row, std::string& out) { put(out, event_first(row)); }

void event_last_seen(Row& row, std::string& out) {
  if (has(row.document, "series")) {
    return put(out, since(row.document, "series.lastObservedTime", row.now_ns));
  }
  for (std::string_view path : {"lastTimestamp", "deprecatedLastTimestamp"}) {
    if (has(row.document, path)) return put(out, since(row.document, path, row.now_ns));
  }
  put(out, event_first(row));
}

void event_count(Row& row, std::string& out) {
  int64_t count = number_at(row.document, "count");
  if (count == 0) count = number_at(row.document, "deprecatedCount");
  if (has(row.document, "series")) {
    count = number_at(row.document, "series.count");
  } else if (count == 0) {
    count = 1;  // an event that happened once need not say so
  }
  out += std::to_string(count);
}

void event_object(Row& row, std::string& out) {
  const Json* about = at(row.document, "involvedObject");
  if (about == nullptr) about = at(row.document, "regarding");
  if (about == nullptr) return put(out, "");
  std::string text(text_at(*about, "kind"));
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  std::string_view name = text_at(*about, "name");
  if (!name.empty()) (text += "/") += name;
  put(out, text);
}

std::string_view first_text(const Json& value, std::initializer_list<std::string_view> paths) {
  for (std::string_view path : paths) {
    if (std::string_view text = text_at(value, path); !text.empty()) return text;
  }
  return {};
}

void event_source(Row& row, std::string& out) {
  std::string text(first_text(
      row.document, {"source.component", "deprecatedSource.component", "reportingComponent", "reportingController"}));
  std::string_view host = first_text(row.document, {"source.host", "deprecatedSource.host", "reportingInstance"});
  if (!host.empty()) (text += ", ") += host;
  put(out, text);
}

void event_message(Row& row, std::string& out) {
  std::string_view text = first_text(row.document, {"message", "note"});
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  size_t start = std::min(text.find_first_not_of(kSpace), text.size());
  text.remove_prefix(start);
  put(out, text.substr(0, text.find_last_not_of(kSpace) + 1));
}

struct Named {
  std::string_view name;
  Cell cell;
};
constexpr std::array kCells = {
    Named{"age", age},
    Named{"container-images", container_images},
    Named{"container-names", container_names},
    Named{"data-count", data_count},
    Named{"deployment-ready", deployment_ready},
    Named{"event-count", event_count},
    Named{"event-first-seen", event_first_seen},
    Named{"event-last-seen", event_last_seen},
    Named{"event-message", event_message},
    Named{"event-object", event_object},
    Named{"event-source", event_source},
    Named{"node-external-ip", node_external_ip},
    Named{"node-internal-ip", node_internal_ip},
    Named{"node-roles", node_roles},
    Named{"node-status", node_status},
    Named{"pod-ip", pod_ip},
    Named{"pod-node", pod_node},
    Named{"pod-nominated-node", pod_nominated_node},
    Named{"pod-readiness-gates", pod_readiness_gates},
    Named{"pod-ready", pod_ready},
    Named{"pod-restarts", pod_restarts},
    Named{"pod-status", pod_status},
    Named{"secret-count", secret_count},
    Named{"selector", selector},
};

}  // namespace

Cell find_cell(std::string_view name) {
  for (const Named& named : kCells) {
    if (named.name == name) return named.cell;
  }
  return nullptr;
}

const Json* at(const Json& value, std::string_view path) {
  const Json* found = &value;
  while (!path.empty()) {
    const Object* object = found->if_object();
    if (object == nullptr) return nullptr;
    size_t dot = std::min(path.find('.'), path.size());
    found = object->if_contains({path.data(), dot});
    if (found == nullptr) return nullptr;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return found;
}

std::string_view text_at(const Json& value, std::string_view path) {
  const Json* found = at(value, path);
  return found != nullptr && found->is_string() ? view(found->get_string()) : std::string_view();
}

int64_t number_at(const Json& value, std::string_view path) {
  const Json* found = at(value, path);
  if (found == nullptr) return 0;
  if (found->is_int64()) return found->get_int64();
  return found->is_uint64() ? static_cast<int64_t>(found->get_uint64()) : 0;
}

std::string since(const Json& value, std::string_view path, int64_t now_ns) {
  std::string_view text = text_at(value, path);
  if (text.empty()) return "<unknown>";
  auto then = parse_time(text);
  return then ? human_duration((now_ns - *then) / 1'000'000'000) : "<unknown>";
}

std::string format_labels(const Json* labels) {
  const Object* object = labels == nullptr ? nullptr : labels->if_object();
  if (object == nullptr || object->empty()) return "<none>";
  std::vector<std::string> parts;
  for (const auto& [key, value] : *object) {
    std::string part(view(key));
    part += "=";
    if (value.is_string()) part += view(value.get_string());
    parts.push_back(std::move(part));
  }
  std::sort(parts.begin(), parts.end());
  std::string text;
  for (const std::string& part : parts) (text += text.empty() ? "" : ",") += part;
  return text;
}

}  // namespace gantry::schema::cells
