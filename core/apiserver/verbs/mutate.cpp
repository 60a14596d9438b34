// Read, change, check, write. [any-thread; done maybe on the store's writer thread]
#include "core/apiserver/verbs/mutate.hpp"

#include <utility>

#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/lifecycle.hpp"
#include "core/apiserver/verbs/stored.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/rules/rules.hpp"
#include "core/schema/rules/warnings.hpp"
#include "core/schema/values/arena.hpp"

namespace gantry::apiserver {
namespace {

// A PUT's uid is a condition, which upstream's storage checks and words; a patch would change it.
Status other_uid(const Mutation& mutation, std::string_view uid, std::string_view have) {
  const auto& kind = *mutation.kind;
  if (mutation.call->request.method == "PATCH" && mutation.subresource != "scale") {
    return schema::invalid_status(
        kind, mutation.name,
        {{"FieldValueInvalid", "Invalid value: " + quoted(uid) + ": field is immutable", "metadata.uid"}});
  }
  const std::string folder = kind.namespaced ? mutation.ns + "/" : "";
  return conflict(kind, mutation.name,
                  "StorageError: invalid object, Code: 4, Key: /registry/" + kind.plural + "/" + folder +
                      mutation.name + ", ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in " +
                      "precondition: " + std::string(uid) + ", UID in object meta: " + std::string(have));
}

Status check_identity(const Mutation& mutation, const store::Entry& current, const Json& before, const Json& next) {
  const auto& kind = *mutation.kind;
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
  if (!uid.empty() && uid != have) return other_uid(mutation, uid, have);
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

// What an update may not change, what it leaves out, and what follows from both.
Status fill_in(Mutation& mutation) {
  const auto& kind = *mutation.kind;
  auto& next = mutation.planned.next;
  carry_over(*mutation.call->env, kind, mutation.subresource, next, mutation.before);
  if (auto status = schema::apply_defaults(kind, next); !status.ok()) return status;
  count_generation(kind, mutation.subresource, next, mutation.before);
  return {};
}

// What every version has before the admission chain sees it.
Status prepare(Mutation& mutation) {
  const auto& before = mutation.before;
  auto& next = mutation.planned.next;
  if (auto status = check_identity(mutation, *mutation.current, before, next); !status.ok()) return status;
  const auto& kind = *mutation.kind;
  if (kind.namespaced) metadata_of(next)["namespace"] = mutation.ns;
  return fill_in(mutation);
}

// What it must be after the steps that may change it.
Status check(Mutation& mutation) {
  const auto& kind = *mutation.kind;
  auto& next = mutation.planned.next;
  if (mutation.needs_defaults) {
    // Nothing that the server owns is a step's to change.
    if (auto status = fill_in(mutation); !status.ok()) return status;
  }
  auto causes = schema::validate(kind, next, &mutation.before, mutation.subresource == "status");
  if (!causes.empty()) return schema::invalid_status(kind, mutation.name, std::move(causes));
  const bool status = mutation.subresource == "status";
  if (!status && !mutation.subresource.empty()) return {};
  for (auto& warning : schema::warnings_of(kind, next, &mutation.before, status)) {
    mutation.warnings->push_back(std::move(warning));
  }
  return {};
}

void written(const std::shared_ptr<Mutation>& mutation, bool erased, Expected<store::EntryPtr> result) {
  if (result) return mutation->done(Outcome{std::move(*result), erased});
  const int code = result.error().code();
  if (code == 409 && --mutation->tries_left > 0) {
    mutation->begun = true;
    return later(mutation->call, 0, [mutation] { mutate(mutation); });
  }
  const auto& kind = *mutation->kind;
  if (code == 409) return mutation->done(modified_conflict(kind, mutation->name));
  if (code == 404) return mutation->done(not_found(kind, mutation->name));
  mutation->done(result.error());
}

void finish_dry_run(const Mutation& mutation, bool erase) {
  const auto& current = *mutation.current;
  auto entry = std::make_shared<store::Entry>();
  entry->value = encode_at(*mutation.kind, mutation.planned.next, std::to_string(current.mod_revision));
  entry->key = current.key;
  entry->mod_revision = current.mod_revision;
  mutation.done(Outcome{std::move(entry), erase});
}

void store(const std::shared_ptr<Mutation>& mutation) {
  auto& env = *mutation->call->env;
  const auto& kind = *mutation->kind;
  const auto current = std::exchange(mutation->current, nullptr);
  const Json before = std::exchange(mutation->before, Json());
  auto change = std::exchange(mutation->planned, Change());
  const auto& next = change.next;
  // A deletion has decided that itself: what it marks now still has its grace before it.
  const bool erase = change.erase || (!change.internal && ready_to_go(kind, next, before));
  if (mutation->dry_run) {
    mutation->current = current;
    schema::take_over(mutation->planned, std::move(change));
    return finish_dry_run(*mutation, erase);
  }
  store::Write write;
  write.kind = erase ? store::Write::Kind::kDelete : store::Write::Kind::kUpdate;
  write.key = current->key;
  write.expected = current->mod_revision;
  write.removes = erase || !text_at(next, {"metadata", "deletionTimestamp"}).empty();
  if (auto status = StoredAs(kind).fill(write, next); !status.ok()) return mutation->done(status);
  // Of what is volatile a write begins the time again, also when it changes nothing.
  if (!erase && !kind.storage->volatility && same_bytes(*current, write.value, write.revision_at)) {
    return mutation->done(Outcome{current, false});
  }
  if (!erase && kind.behavior->read_at_once) derive(kind, next, write);
  mutation->charge = limits::Charge(mutation->call->request.account);
  if (auto status = hold(mutation->charge, size_of(write)); !status.ok()) return mutation->done(status);
  env.store.write(std::move(write),
                  [mutation, erase](Expected<store::EntryPtr> result) { written(mutation, erase, std::move(result)); });
}

// The rest of the way, stage by stage; each goes on at once unless a step of the chain takes its time.
void validate(const std::shared_ptr<Mutation>& mutation) {
  if (!mutation->planned.internal) {
    if (auto status = check(*mutation); !status.ok()) return mutation->done(status);
  }
  mutation->call->env->chain.run(admission::Stage::kValidate, mutation, [mutation](const Status& status) {
    if (!status.ok()) return mutation->done(status);
    store(mutation);
  });
}

void admit(const std::shared_ptr<Mutation>& mutation) {
  mutation->old = mutation->operation == admission::Operation::kCreate ? nullptr : &mutation->before;
  if (!mutation->planned.internal) {
    mutation->object = &mutation->planned.next;
    mutation->needs_defaults = false;
    if (auto status = prepare(*mutation); !status.ok()) return mutation->done(status);
  }
  mutation->call->env->chain.run(admission::Stage::kMutate, mutation, [mutation](const Status& status) {
    if (!status.ok()) return mutation->done(status);
    validate(mutation);
  });
}

}  // namespace

void mutate(std::shared_ptr<Mutation> mutation) {
  auto& env = *mutation->call->env;
  const auto& kind = *mutation->kind;
  auto current = env.store.get(key_of(kind, mutation->ns, mutation->name));
  if (!current) return mutation->done(not_found(kind, mutation->name));
  if (takes_long(current->value.size())) {
    if (mutation->begun) return later(mutation->call, SIZE_MAX, [mutation] { mutate(mutation); });
    if (!hand_over(mutation->call, [mutation] { mutate(mutation); })) mutation->done(too_busy());
    return;
  }
  auto before = parse_entry(*StoredAs(kind).seen(current), mutation->call->request.account);
  if (!before) return mutation->done(before.error());
  auto change = mutation->change(*current, *before);
  if (!change) return mutation->done(change.error());
  if (change->unchanged) return mutation->done(Outcome{std::move(current), false});
  mutation->current = std::move(current);
  schema::take_over(mutation->before, std::move(*before));
  schema::take_over(mutation->planned, std::move(*change));
  if (mutation->admitted) return store(mutation);
  admit(mutation);
}

std::shared_ptr<Mutation> mutation_of(const CallPtr& call) {
  auto mutation = std::make_shared<Mutation>(call, admission::Operation::kUpdate);
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
