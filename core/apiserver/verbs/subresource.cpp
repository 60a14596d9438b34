// write_subresource: an object of another kind says how the one on the path changes (schema::SubresourceWrite), in one
// write. [any-thread]
#include "core/apiserver/request/body.hpp"
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/mutate.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/schema/rules/rules.hpp"
#include "core/schema/values/arena.hpp"

namespace gantry::apiserver {
namespace {

Status check_body(const Call& call, const schema::SubresourceWrite& subresource, const Json& body) {
  const auto& target = call.target;
  const auto name = text_at(body, {"metadata", "name"});
  if (!name.empty() && name != target.name) {
    return Status::bad_request("name in URL does not match name in " + std::string(subresource.kind) + " object");
  }
  const auto ns = text_at(body, {"metadata", "namespace"});
  if (!ns.empty() && ns != target.ns) {
    return Status::bad_request("the namespace of the provided object does not match the namespace sent on the request");
  }
  auto causes = schema::validate(subresource, body);
  if (causes.empty()) return {};
  schema::Kind kind;
  const auto slash = subresource.api_version.find('/');
  if (slash != std::string_view::npos) kind.group = subresource.api_version.substr(0, slash);
  kind.kind = subresource.kind;
  return schema::invalid_status(kind, target.name, std::move(causes));
}

Expected<Change> change_by(const Call& call, const schema::SubresourceWrite& subresource, const Json& body,
                           const store::Entry& entry, const Json& document) {
  auto next = schema::copy_of(document, call.request.account);
  if (!next) return next.error();
  const auto version = std::to_string(entry.mod_revision);
  const schema::SubresourceWrite::Moment moment{
      .now_ns = call.env->now(), .name = call.target.name, .version = version};
  if (auto status = subresource.apply(next->as_object(), body.as_object(), moment); !status.ok()) return status;
  return Change{.next = std::move(*next), .internal = true};
}

}  // namespace

const schema::SubresourceWrite* find_write(const schema::Kind& kind, std::string_view subresource) {
  for (const auto& write : kind.behavior->subresources) {
    if (write.name == subresource) return &write;
  }
  return nullptr;
}

void write_subresource(const CallPtr& call) {
  const auto* subresource = find_write(call->kind(), call->target.subresource);
  const auto* message = subresource == nullptr ? nullptr : call->schema->find_message(subresource->message);
  if (message == nullptr) return respond_error(*call, unknown_resource());
  auto read = read_body(*call, *message, subresource->api_version, subresource->kind);
  if (!read) return respond_error(*call, read.error());
  auto body = std::make_shared<Json>(std::move(*read));
  if (auto status = check_body(*call, *subresource, *body); !status.ok()) return respond_error(*call, status);
  auto mutation = mutation_of(call);
  mutation->operation = admission::Operation::kCreate;
  mutation->object = body.get();
  mutation->change = [call, subresource, body](const store::Entry& entry, const Json& document) {
    return change_by(*call, *subresource, *body, entry, document);
  };
  mutation->done = [call](Expected<Outcome> outcome) {
    if (!outcome) return respond_error(*call, outcome.error());
    respond_done(*call);
  };
  mutate(std::move(mutation));
}

// The older address names the object in the body only.
void write_through(const CallPtr& call) {
  const auto& through = *call->kind().behavior->written_through;
  const auto* kind = call->schema->find_resource(through.group, through.version, through.plural);
  if (kind == nullptr) return respond_error(*call, unknown_resource());
  auto body = read_body(*call);
  if (!body) return respond_error(*call, body.error());
  auto& target = call->target;
  target.name = text_at(*body, {"metadata", "name"});
  if (target.name.empty()) return respond_error(*call, Status::bad_request("name is required"));
  target.kind = kind;
  target.resource = kind->plural;
  target.subresource = through.subresource;
  write_subresource(call);
}

}  // namespace gantry::apiserver
