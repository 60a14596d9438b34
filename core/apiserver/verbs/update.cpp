// update: PUT of an object, of its status, of a namespace's finalizers. [any-thread]
#include "core/apiserver/request/authorize.hpp"
#include "core/apiserver/request/body.hpp"
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/mutate.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/schema/rules/rules.hpp"
#include "core/schema/values/arena.hpp"

namespace gantry::apiserver {
namespace {

// PUT of an object that is not there, for the kinds that allow it.
void create_missing(const CallPtr& call, Json body) {
  auto& metadata = metadata_of(body);
  metadata.erase("resourceVersion");
  if (!metadata.contains("name")) metadata["name"] = call->target.name;
  if (const auto name = text_at(body, {"metadata", "name"}); name != call->target.name) {
    return respond_error(*call,
                         Status::bad_request("the name of the object (" + std::string(name) +
                                             ") does not match the name on the URL (" + call->target.name + ")"));
  }
  const auto kept = std::make_shared<Json>(std::move(body));
  authorize(call, access_to_target(*call, "create"), [call, kept] { create_document(call, std::move(*kept)); });
}

}  // namespace

void update(const CallPtr& call) {
  auto body = read_body(*call);
  if (!body) return respond_error(*call, body.error());
  const auto& kind = call->kind();
  const auto& target = call->target;
  const bool exists = call->env->store.get(key_of(kind, target.ns, target.name)) != nullptr;
  if (!exists && kind.behavior->create_on_update && target.subresource.empty()) {
    return create_missing(call, std::move(*body));
  }
  const bool pinned = !text_at(*body, {"metadata", "resourceVersion"}).empty();
  if (exists && !pinned && !kind.behavior->unconditional_update) {
    return respond_error(
        *call, schema::invalid_status(kind, target.name,
                                      {{"FieldValueInvalid", "Invalid value: \"\": must be specified for an update",
                                        "metadata.resourceVersion"}}));
  }
  auto mutation = mutation_of(call);
  mutation->change = [call, body = std::move(*body), name = target.name](const store::Entry&,
                                                                         const Json&) -> Expected<Change> {
    auto next = schema::copy_of(body, call->request.account);
    if (!next) return next.error();
    Change change{.next = std::move(*next)};
    auto& metadata = metadata_of(change.next);
    if (!metadata.contains("name")) metadata["name"] = name;
    return change;
  };
  mutate(std::move(mutation));
}

}  // namespace gantry::apiserver
