// scale: the autoscaling/v1 Scale view of a workload. [any-thread]
#include "core/apiserver/request/body.hpp"
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/mutate.hpp"
#include "core/apiserver/verbs/patching.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/rules/rules.hpp"
#include "core/schema/selector/selector.hpp"
#include "core/schema/values/arena.hpp"

namespace gantry::apiserver {
namespace {

constexpr std::string_view kScaleMessage = "k8s.io.api.autoscaling.v1.Scale";
constexpr std::string_view kScaleVersion = "autoscaling/v1";

using ScaleOf = std::function<Expected<Json>(const Json& current_scale)>;

// Of ReplicationControllers it is a plain map of labels.
Json as_label_selector(const Json& selector) {
  const auto* object = selector.if_object();
  const bool plain = object != nullptr && !object->empty() && object->begin()->value().is_string();
  return plain ? Json(JsonObject{{"matchLabels", selector}}) : selector;
}

Json scale_of(const Json& workload) {
  JsonObject metadata;
  for (const std::string_view key : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    if (const Json* value = find(workload, {"metadata", key})) metadata[key] = *value;
  }
  JsonObject spec;
  if (const auto replicas = int_at(workload, {"spec", "replicas"}); replicas != 0) spec["replicas"] = replicas;
  JsonObject status{{"replicas", int_at(workload, {"status", "replicas"})}};
  if (const Json* selector = find(workload, {"spec", "selector"})) {
    const auto parsed = schema::LabelSelector::from_document(as_label_selector(*selector));
    if (parsed && !parsed->empty()) status["selector"] = parsed->to_string();
  }
  return JsonObject{{"kind", "Scale"},
                    {"apiVersion", kScaleVersion},
                    {"metadata", std::move(metadata)},
                    {"spec", std::move(spec)},
                    {"status", std::move(status)}};
}

// A Scale is no kind of its own in the tree; this says what messages about it call it, and what its Table has.
schema::Kind scale_kind() {
  schema::Kind kind;
  kind.group = "autoscaling";
  kind.version = "v1";
  kind.kind = "Scale";
  kind.columns = {{"Name", "string", "", "The name of the workload.", ".metadata.name"},
                  {"Desired", "integer", "", "Pods that are wanted.", ".spec.replicas"},
                  {"Available", "integer", "", "Pods that there are.", ".status.replicas"},
                  {"Age", "string", "", "Time since the object was created.", "@age"}};
  return kind;
}

Status invalid_scale(std::string_view name, StatusCause cause) {
  return schema::invalid_status(scale_kind(), name, {std::move(cause)});
}

Status check_scale(const Call& call, const Json& scale) {
  const auto name = text_at(scale, {"metadata", "name"});
  if (name.empty()) {
    return invalid_scale(name,
                         {"FieldValueRequired", "Required value: name or generateName is required", "metadata.name"});
  }
  if (name != call.target.name) {
    return Status::bad_request("the name of the object (" + std::string(name) +
                               ") does not match the name on the URL (" + call.target.name + ")");
  }
  const auto ns = text_at(scale, {"metadata", "namespace"});
  if (!ns.empty() && ns != call.target.ns) {
    return Status::bad_request("the namespace of the object (" + std::string(ns) +
                               ") does not match the namespace on the URL (" + call.target.ns + ")");
  }
  const auto replicas = int_at(scale, {"spec", "replicas"});
  if (replicas < 0) {
    return invalid_scale(
        name, {"FieldValueInvalid",
               "Invalid value: " + std::to_string(replicas) + ": must be greater than or equal to 0", "spec.replicas"});
  }
  return {};
}

void respond_scale(Call& call, const store::Entry& workload) {
  const auto* message = call.schema->find_message(kScaleMessage);
  const Json shown = scale_of(parse_entry(workload));
  if (call.form.as == As::kTable) {
    auto kind = scale_kind();
    kind.message = message;
    return respond_json(call, 200, table_json(call, kind, shown));
  }
  respond_json(call, 200, schema::encode_json(*message, shown), kScaleMessage);
}

void change_scale(const CallPtr& call, ScaleOf next_scale) {
  auto mutation = mutation_of(call);
  mutation->change = [call, next_scale = std::move(next_scale)](const store::Entry&,
                                                                const Json& workload) -> Expected<Change> {
    auto scale = next_scale(scale_of(workload));
    if (!scale) return scale.error();
    if (auto status = check_scale(*call, *scale); !status.ok()) return status;
    auto copy = schema::copy_of(workload, call->request.account);
    if (!copy) return copy.error();
    Change change;
    change.next = std::move(*copy);
    object_in(change.next.as_object(), "spec")["replicas"] = int_at(*scale, {"spec", "replicas"});
    // The preconditions that the caller's Scale carries are checked like those of an update.
    for (const std::string_view key : {"resourceVersion", "uid"}) {
      const auto wanted = text_at(*scale, {"metadata", key});
      if (!wanted.empty()) metadata_of(change.next)[key] = wanted;
    }
    return change;
  };
  mutation->done = [call](Expected<Outcome> outcome) {
    if (!outcome) return respond_error(*call, outcome.error());
    later(call, outcome->entry->value.size(), [call, entry = outcome->entry] { respond_scale(*call, *entry); });
  };
  mutate(std::move(mutation));
}

void put_scale(const CallPtr& call, const schema::Message& message) {
  auto body = read_body(*call, message, kScaleVersion, "Scale");
  if (!body) return respond_error(*call, body.error());
  change_scale(call, [body = std::move(*body)](const Json&) { return Expected<Json>(body); });
}

void patch_scale(const CallPtr& call, const schema::Message& message) {
  auto patch = read_patch(*call);
  if (!patch) return respond_error(*call, patch.error());
  change_scale(call, [call, &message, patch = std::move(*patch)](const Json& current) -> Expected<Json> {
    return patched(*call, patch, message, kScaleVersion, "Scale", current);
  });
}

}  // namespace

void scale(const CallPtr& call) {
  const auto* message = call->schema->find_message(kScaleMessage);
  if (message == nullptr) return respond_error(*call, unknown_resource());
  const auto& method = call->request.method;
  if (method == "PUT") return put_scale(call, *message);
  if (method == "PATCH") return patch_scale(call, *message);
  if (method != "GET" && method != "HEAD") {
    return respond_error(*call, method_not_supported(call->kind(), method));
  }
  const auto& target = call->target;
  const auto entry = call->env->store.get(key_of(call->kind(), target.ns, target.name));
  if (!entry) return respond_error(*call, not_found(call->kind(), target.name));
  at_leisure(call, entry->value.size(), [call, entry] { respond_scale(*call, *entry); });
}

}  // namespace gantry::apiserver
