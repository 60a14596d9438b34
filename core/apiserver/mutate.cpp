// Read, change, check, write. [any-thread; done maybe on the store's writer thread]
#include "core/apiserver/mutate.hpp"

#include "core/apiserver/errors.hpp"
#include "core/apiserver/forms.hpp"
#include "core/apiserver/lifecycle.hpp"
#include "core/apiserver/respond.hpp"
#include "core/apiserver/stored.hpp"
#include "core/schema/codec.hpp"
#include "core/schema/rules.hpp"

namespace gantry::apiserver {
namespace {

Status check_identity(const Mutation& mutation, const store::Entry& current, const Json& before, const Json& next) {
  const auto& kind = mutation.call->kind();
  const auto name = text_at(next, {"metadata", "name"});
  if (name != mutation.name) {
    return Status::bad_request("the name of the object (" + std::string(name) +
                               ") does not match the name on the URL (" + mutation.name + ")");
  }
  const auto ns = text_at(next, {"metadata", "namespace"});
  if (kind.namespaced && !ns.empty() && ns != mutation.ns) {
    return Status::bad_request("the namespace of the object (" + std::string(ns) +
                               ") does not match the namespace on the URL (" + mutation.ns + ")");
  }
  const auto uid = text_at(next, {"metadata", "uid"});
  const auto have = text_at(before, {"metadata", "uid"});
  if (!uid.empty() && uid != have) {
    return conflict(
        kind, mutation.name,
        "Precondition failed: UID in precondition: " + std::string(uid) + ", UID in object meta: " + std::string(have));
  }
  const auto version = text_at(next, {"metadata", "resourceVersion"});
  if (!version.empty() && version != "0" && version != std::to_string(current.mod_revision)) {
    return modified_conflict(kind, mutation.name);
  }
  return {};
}

// Whether the stored bytes are these, apart from the version at `at`.
bool same_bytes(const store::Entry& stored, std::string_view json, size_t at) {
  const std::string version = std::to_string(stored.mod_revision);
  const std::string_view have = stored.value;
  if (at == std::string::npos || have.size() != json.size() + version.size()) return false;
  return have.substr(0, at) == json.substr(0, at) && have.substr(at, version.size()) == version &&
         have.substr(at + version.size()) == json.substr(at);
}

Status check(const Mutation& mutation, const store::Entry& current, const Json& before, Json& next) {
  if (auto status = check_identity(mutation, current, before, next); !status.ok()) return status;
  const auto& kind = mutation.call->kind();
  if (kind.namespaced) metadata_of(next)["namespace"] = mutation.ns;
  carry_over(kind, mutation.subresource, next, before);
  if (auto status = schema::apply_defaults(kind, next); !status.ok()) return status;
  auto causes = schema::validate(kind, next, &before);
  if (!causes.empty()) return schema::invalid_status(kind, mutation.name, std::move(causes));
  return {};
}

void written(const std::shared_ptr<Mutation>& mutation, bool erased, Expected<store::EntryPtr> result) {
  if (result) return mutation->done(Outcome{std::move(*result), erased});
  const int code = result.error().code();
  if (code == 409 && --mutation->tries_left > 0) {
    return later(mutation->call, 0, [mutation] { mutate(mutation); });
  }
  const auto& kind = mutation->call->kind();
  if (code == 409) return mutation->done(modified_conflict(kind, mutation->name));
  if (code == 404) return mutation->done(not_found(kind, mutation->name));
  mutation->done(result.error());
}

void finish_dry_run(const Mutation& mutation, const Json& next, Outcome outcome) {
  auto entry = std::make_shared<store::Entry>();
  entry->value = encode_at(mutation.call->kind(), next, std::to_string(outcome.entry->mod_revision));
  entry->key = outcome.entry->key;
  entry->mod_revision = outcome.entry->mod_revision;
  outcome.entry = std::move(entry);
  mutation.done(std::move(outcome));
}

}  // namespace

void mutate(std::shared_ptr<Mutation> mutation) {
  auto& env = *mutation->call->env;
  const auto& kind = mutation->call->kind();
  const std::string key = key_of(kind, mutation->ns, mutation->name);
  const auto current = env.store.get(key);
  if (!current) return mutation->done(not_found(kind, mutation->name));
  if (takes_long(current->value.size())) {
    if (!hand_over(mutation->call, [mutation] { mutate(mutation); })) mutation->done(too_busy());
    return;
  }
  const StoredAs stored(kind);
  const auto& account = mutation->call->request.account;
  const auto before = parse_entry(*stored.seen(current), account);
  if (!before) return mutation->done(before.error());
  auto change = mutation->change(*current, *before);
  if (!change) return mutation->done(change.error());
  if (change->unchanged) return mutation->done(Outcome{current, false});
  auto& next = change->next;
  if (!change->internal) {
    if (auto status = check(*mutation, *current, *before, next); !status.ok()) return mutation->done(status);
  }
  // A deletion has decided that itself: what it marks now still has its grace before it.
  const bool erase = change->erase || (!change->internal && ready_to_go(kind, next, *before));
  if (mutation->call->dry_run) return finish_dry_run(*mutation, next, {current, erase});
  store::Write write;
  write.kind = erase ? store::Write::Kind::kDelete : store::Write::Kind::kUpdate;
  write.key = key;
  write.expected = current->mod_revision;
  write.removes = erase || !text_at(next, {"metadata", "deletionTimestamp"}).empty();
  if (auto status = stored.fill(write, next); !status.ok()) return mutation->done(status);
  if (!erase && same_bytes(*current, write.value, write.revision_at)) {
    return mutation->done(Outcome{current, false});
  }
  if (!erase && kind.behavior->read_at_once) derive(kind, next, write);
  mutation->charge = limits::Charge(account);
  if (!mutation->charge.resize(size_of(write))) return mutation->done(out_of_memory());
  env.store.write(std::move(write),
                  [mutation, erase](Expected<store::EntryPtr> result) { written(mutation, erase, std::move(result)); });
}

std::shared_ptr<Mutation> mutation_of(const CallPtr& call) {
  auto mutation = std::make_shared<Mutation>();
  mutation->call = call;
  mutation->ns = call->target.ns;
  mutation->name = call->target.name;
  mutation->subresource = call->target.subresource;
  mutation->done = [call](Expected<Outcome> outcome) {
    if (!outcome) return respond_error(*call, outcome.error());
    respond_written(call, 200, outcome->entry);
  };
  return mutation;
}

void respond_written(const CallPtr& call, int code, const store::EntryPtr& entry) {
  const bool as_stored = call->form.media == schema::Media::kJson && call->form.as == As::kObject;
  if (as_stored && StoredAs(call->kind()).same()) return respond_entry(*call, code, entry);
  later(call, entry->value.size(), [call, code, entry] { respond_entry(*call, code, entry); });
}

}  // namespace gantry::apiserver
