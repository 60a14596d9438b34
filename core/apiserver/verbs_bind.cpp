// bind_pod: puts a pod on a node in one write, as schedulers ask for it once for every pod. [any-thread]
#include "core/apiserver/body.hpp"
#include "core/apiserver/errors.hpp"
#include "core/apiserver/mutate.hpp"
#include "core/apiserver/respond.hpp"
#include "core/apiserver/verbs.hpp"
#include "core/schema/arena.hpp"
#include "core/schema/codec.hpp"
#include "core/schema/rules.hpp"
#include "core/schema/values.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/status.pb.h"

namespace gantry::apiserver {
namespace {

Status refused(const std::string& pod, const std::string& why) {
  StatusDetails details;
  details.name = pod;
  details.kind = "pods/binding";
  return Status::conflict("Operation cannot be fulfilled on pods/binding \"" + pod + "\": " + why)
      .with_details(std::move(details));
}

Status precondition_failed(const std::string& pod, std::string_view what, std::string_view wanted,
                           std::string_view have) {
  StatusDetails details;
  details.name = pod;
  details.kind = "pods";
  std::string message = "Operation cannot be fulfilled on pods \"" + pod + "\": Precondition failed: ";
  message.append(what).append(" in precondition: ").append(wanted).append(", ");
  message.append(what).append(" in object meta: ").append(have);
  return Status::conflict(std::move(message)).with_details(std::move(details));
}

Status check_binding(const Call& call, const Json& binding) {
  const auto& target = call.target;
  const auto name = text_at(binding, {"metadata", "name"});
  if (!name.empty() && name != target.name) {
    return Status::bad_request("name in URL does not match name in Binding object");
  }
  const auto ns = text_at(binding, {"metadata", "namespace"});
  if (!ns.empty() && ns != target.ns) {
    return Status::bad_request("the namespace of the provided object does not match the namespace sent on the request");
  }
  schema::Kind kind;
  kind.version = "v1";
  kind.kind = "Binding";
  std::vector<StatusCause> causes;
  const auto what = text_at(binding, {"target", "kind"});
  if (!what.empty() && what != "Node") {
    causes.push_back({"FieldValueNotSupported",
                      "Unsupported value: " + quoted(what) + ": supported values: \"Node\", \"<empty>\"",
                      "target.kind"});
  }
  if (text_at(binding, {"target", "name"}).empty()) {
    causes.push_back({"FieldValueRequired", "Required value", "target.name"});
  }
  return causes.empty() ? Status() : schema::invalid_status(kind, target.name, std::move(causes));
}

Status check_pod(const std::string& name, const store::Entry& entry, const Json& pod, const Json& binding) {
  const auto uid = text_at(binding, {"metadata", "uid"});
  const auto have = text_at(pod, {"metadata", "uid"});
  if (!uid.empty() && uid != have) return precondition_failed(name, "UID", uid, have);
  const auto version = text_at(binding, {"metadata", "resourceVersion"});
  const std::string current = std::to_string(entry.mod_revision);
  if (!version.empty() && version != current) return precondition_failed(name, "ResourceVersion", version, current);
  if (!text_at(pod, {"metadata", "deletionTimestamp"}).empty()) {
    return refused(name, "pod " + name + " is being deleted, cannot be assigned to a host");
  }
  if (const auto node = text_at(pod, {"spec", "nodeName"}); !node.empty()) {
    return refused(name, "pod " + name + " is already assigned to node \"" + std::string(node) + "\"");
  }
  if (has_items(pod, {"spec", "schedulingGates"})) {
    return refused(name, "pod " + name + " has non-empty .spec.schedulingGates");
  }
  return {};
}

void set_scheduled(Json& pod, int64_t now) {
  auto& status = object_in(pod.as_object(), "status");
  auto& conditions = status["conditions"];
  if (!conditions.is_array()) conditions.emplace_array();
  JsonObject fresh{{"type", "PodScheduled"}, {"status", "True"}, {"lastTransitionTime", schema::format_time(now)}};
  if (const auto generation = int_at(pod, {"metadata", "generation"}); generation != 0) {
    fresh["observedGeneration"] = generation;
  }
  for (auto& condition : conditions.get_array()) {
    if (text_at(condition, {"type"}) != "PodScheduled") continue;
    const Json* since = find(condition, {"lastTransitionTime"});
    if (since != nullptr && text_at(condition, {"status"}) == "True") fresh["lastTransitionTime"] = *since;
    condition = std::move(fresh);
    return;
  }
  conditions.get_array().push_back(std::move(fresh));
}

void bind(Json& next, const Json& binding, int64_t now) {
  object_in(next.as_object(), "spec")["nodeName"] = text_at(binding, {"target", "name"});
  if (const Json* annotations = find(binding, {"metadata", "annotations"});
      annotations != nullptr && annotations->is_object()) {
    auto& have = object_in(metadata_of(next), "annotations");
    for (const auto& [key, value] : annotations->as_object()) have[key] = value;
  }
  set_scheduled(next, now);
}

// Runs on the store's writer thread, so no document is taken apart for it.
void respond_bound(Call& call) {
  if (call.form.media != schema::Media::kProtobuf) return respond_success(call, {}, {}, 201);
  k8s::io::apimachinery::pkg::apis::meta::v1::Status success;
  success.mutable_metadata();
  success.set_status("Success");
  success.set_code(201);
  call.exchange->respond(response_of(call, 201, schema::wrap_protobuf("v1", "Status", success.SerializeAsString()),
                                     content_type(schema::Media::kProtobuf)));
}

}  // namespace

void bind_pod(const CallPtr& call) {
  const auto& schema = *call->schema;
  const auto* message = schema.find_message("k8s.io.api.core.v1.Binding");
  const auto* pods = schema.find_resource("", "v1", "pods");
  if (message == nullptr || pods == nullptr) return respond_error(*call, unknown_resource());
  auto body = read_body(*call, *message, "v1", "Binding");
  if (!body) return respond_error(*call, body.error());
  if (call->kind().plural == "bindings") {
    // The older address names the pod in the body only.
    call->target.name = text_at(*body, {"metadata", "name"});
    if (call->target.name.empty()) return respond_error(*call, Status::bad_request("name is required"));
    call->target.kind = pods;
  }
  if (auto status = check_binding(*call, *body); !status.ok()) return respond_error(*call, status);
  auto mutation = mutation_of(call);
  mutation->change = [call, binding = std::move(*body)](const store::Entry& entry,
                                                        const Json& pod) -> Expected<Change> {
    if (auto status = check_pod(call->target.name, entry, pod, binding); !status.ok()) return status;
    auto next = schema::copy_of(pod, call->request.account);
    if (!next) return next.error();
    bind(*next, binding, call->env->now());
    Change change;
    change.next = std::move(*next);
    change.internal = true;
    return change;
  };
  mutation->done = [call](Expected<Outcome> outcome) {
    if (!outcome) return respond_error(*call, outcome.error());
    respond_bound(*call);
  };
  mutate(std::move(mutation));
}

}  // namespace gantry::apiserver
