// Pods: phase and QoS class of new ones, what a status update may change, grace of deletion, and their table.
// Pure functions, any thread.
#include <array>
#include <map>
#include <string>

#include "core/kinds/parts/ip_rules.hpp"
#include "core/kinds/parts/label_warnings.hpp"
#include "core/kinds/parts/pod_binding.hpp"
#include "core/kinds/parts/pod_defaults.hpp"
#include "core/kinds/parts/pod_rules.hpp"
#include "core/kinds/parts/pod_summary.hpp"
#include "core/kinds/parts/pod_warnings.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds::core_pod {
namespace {

void default_before(JsonObject& pod) {
  if (JsonObject* spec = get_object(pod, "spec")) default_pod_spec_before(*spec);
}

void default_after(JsonObject& pod) {
  JsonObject* spec = get_object(pod, "spec");
  if (spec == nullptr) return;
  default_pod_spec_after(*spec);
  default_pod(*spec);
}

using Amounts = std::map<std::string, int64_t, std::less<>>;
constexpr std::array<std::string_view, 2> kCounted{"cpu", "memory"};

// Adds the positive cpu and memory amounts; returns how many resources were named.
size_t add_amounts(const JsonObject& container, std::string_view which, Amounts& sum) {
  const JsonObject* resources = get_object(container, "resources");
  const JsonObject* amounts = resources != nullptr ? get_object(*resources, which) : nullptr;
  if (amounts == nullptr) return 0;
  size_t named = 0;
  for (const auto resource : kCounted) {
    const auto text = get_text(*amounts, resource);
    auto quantity = schema::Quantity::parse(text);
    if (text.empty() || !quantity || quantity->milli_value() <= 0) continue;
    sum[std::string(resource)] += quantity->milli_value();
    ++named;
  }
  return named;
}

std::string_view qos_class(const JsonObject& spec) {
  Amounts requests, limits;
  bool guaranteed = true;
  for (const std::string_view list : {"containers", "initContainers"}) {
    each(spec, list, [&](const JsonObject& container) {
      add_amounts(container, "requests", requests);
      if (add_amounts(container, "limits", limits) != kCounted.size()) guaranteed = false;
    });
  }
  if (requests.empty() && limits.empty()) return "BestEffort";
  return guaranteed && requests == limits ? "Guaranteed" : "Burstable";
}

void create(JsonObject& pod) {
  JsonObject status{{"phase", "Pending"}};
  static const JsonObject kNone;
  const JsonObject* given = get_object(pod, "spec");
  const JsonObject& spec = given != nullptr ? *given : kNone;
  if (has_items(spec, "schedulingGates")) {
    status["conditions"] =
        JsonArray{JsonObject{{"type", "PodScheduled"},
                             {"status", "False"},
                             {"reason", "SchedulingGated"},
                             {"message", "Scheduling is blocked due to non-empty scheduling gates"}}};
  }
  status["qosClass"] = qos_class(spec);
  pod["status"] = std::move(status);
}

void update_status(JsonObject& next, const JsonObject& old) {
  auto& status = ensure_object(next, "status");
  // What a status writer does not know, it must not lose.
  if (!status.contains("qosClass")) {
    const JsonObject* before = get_object(old, "status");
    if (before != nullptr) take_key(status, *before, "qosClass");
  }
  if (const JsonObject* metadata = get_object(old, "metadata")) {
    take_key(ensure_object(next, "metadata"), *metadata, "ownerReferences");
  }
}

// A pod that runs nowhere, or runs no more, goes at once.
int64_t grace(const JsonObject& options, const JsonObject& pod) {
  const JsonObject* spec = get_object(pod, "spec");
  const JsonObject* status = get_object(pod, "status");
  const auto phase = status != nullptr ? get_text(*status, "phase") : std::string_view();
  if (spec == nullptr || get_text(*spec, "nodeName").empty() || phase == "Succeeded" || phase == "Failed") return 0;
  const int64_t seconds =
      get_number(options, "gracePeriodSeconds", get_number(*spec, "terminationGracePeriodSeconds", 30));
  return seconds < 0 ? 1 : seconds;
}

// Rows of pods that have ended say so, for clients that hide them.
std::string_view row_conditions(const JsonObject& pod) {
  const JsonObject* status = get_object(pod, "status");
  const std::string_view phase = status != nullptr ? get_text(*status, "phase") : std::string_view();
  if (phase == "Succeeded") {
    return R"("conditions":[{"type":"Completed","status":"True","reason":"Succeeded",)"
           R"("message":"The pod has completed successfully."}],)";
  }
  if (phase == "Failed") {
    return R"("conditions":[{"type":"Completed","status":"True","reason":"Failed",)"
           R"("message":"The pod failed."}],)";
  }
  return {};
}

const PodSummary& summary(Row& row) {
  if (!row.memo.has_value()) row.memo = summarize_pod(row.document, row.now_ns);
  return *std::any_cast<PodSummary>(&row.memo);
}

void pod_ready(Row& row, std::string& out) { put(out, summary(row).ready); }
void pod_status(Row& row, std::string& out) { put(out, summary(row).status); }
void pod_restarts(Row& row, std::string& out) { put(out, summary(row).restarts); }

void pod_ip(Row& row, std::string& out) {
  const JsonArray* ips = list_at(row.document, "status.podIPs");
  std::string_view ip =
      ips == nullptr || ips->empty() ? text_at(row.document, "status.podIP") : text_at(ips->front(), "ip");
  put_or(out, ip, "<none>");
}

void pod_nominated_node(Row& row, std::string& out) {
  put_or(out, text_at(row.document, "status.nominatedNodeName"), "<none>");
}

void pod_readiness_gates(Row& row, std::string& out) {
  const JsonArray* gates = list_at(row.document, "spec.readinessGates");
  if (gates == nullptr || gates->empty()) return put(out, "<none>");
  const JsonArray* conditions = list_at(row.document, "status.conditions");
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

constexpr NamedCell kCells[] = {{"pod-ready", pod_ready},
                                {"pod-status", pod_status},
                                {"pod-restarts", pod_restarts},
                                {"pod-ip", pod_ip},
                                {"pod-nominated-node", pod_nominated_node},
                                {"pod-readiness-gates", pod_readiness_gates}};

// Updates are often, and seldom of people's making.
void warn(const JsonObject& pod, const JsonObject* old, Warnings& warnings) {
  if (old != nullptr) return;
  warn_name(pod, warnings, "this is used in the Pod's hostname");
  warn_template(pod, At(), warnings);
}

void warn_status(const JsonObject& pod, const JsonObject*, Warnings& warnings) {
  const At root, at = root.child("status");
  for (const std::string_view list : {"podIPs", "hostIPs"}) {
    size_t i = 0;
    each(object_at(pod, "status"), list, [&](const JsonObject& address) {
      const At here = at.child(list, i++);
      warn_ip(get_text(address, "ip"), here.child("ip"), warnings);
    });
  }
}

}  // namespace

constinit const Behavior behavior{.group = "",
                                  .kind = "Pod",
                                  .default_before = default_before,
                                  .default_after = default_after,
                                  .validate = check_pod,
                                  .warn = warn,
                                  .warn_status = warn_status,
                                  .create = create,
                                  .update_status = update_status,
                                  .grace = grace,
                                  .subresources = {&kPodBinding, 1},
                                  .cells = kCells,
                                  .row_conditions = row_conditions,
                                  .returns_deleted = true};

}  // namespace gantry::kinds::core_pod
