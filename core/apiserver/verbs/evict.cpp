// pod_evict: deletes a pod if the disruption budget that covers it has room. [any-thread]
#include "core/apiserver/request/body.hpp"
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/deletion.hpp"
#include "core/apiserver/verbs/mutate.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/kinds/parts/eviction.hpp"
#include "core/schema/values/arena.hpp"

namespace gantry::apiserver {
namespace {

// How often a pod that has not begun may change before its eviction gives up.
constexpr int kMostLooks = 20;
constexpr std::string_view kMessage = "k8s.io.api.policy.v1.Eviction";

class Eviction : public WriteCall, public std::enable_shared_from_this<Eviction> {
 public:
  Eviction(CallPtr of, Json body)
      : WriteCall(std::move(of), admission::Operation::kCreate), body_(std::move(body)), options_(JsonObject()) {
    if (const Json* given = find(body_, {"deleteOptions"}); given != nullptr && given->is_object()) options_ = *given;
    object = &body_;
  }

  void begin() {
    const auto named = text_at(body_, {"metadata", "name"});
    if (named != name) return fail(Status::bad_request("name in URL does not match name in Eviction object"));
    if (auto status = settle_delete_options(*call, options_); !status.ok()) return fail(status);
    dry_run = call->dry_run;
    run(admission::Stage::kMutate, [](Eviction& self) {
      self.run(admission::Stage::kValidate, [](Eviction& admitted) { admitted.look_at_pod(); });
    });
  }

 private:
  void run(admission::Stage stage, void (*then)(Eviction&)) {
    call->env->chain.run(stage, shared_from_this(), [self = shared_from_this(), then](const Status& status) {
      if (!status.ok()) return self->fail(status);
      then(*self);
    });
  }
  void fail(const Status& status) { respond_error(*call, status); }

  void look_at_pod() {
    const auto entry = call->env->store.get(key_of(*kind, ns, name));
    if (!entry) return fail(not_found(*kind, name));
    version_ = entry->mod_revision;
    auto pod = parse_entry(*entry, call->request.account);
    if (!pod) return fail(pod.error());
    pod_ = std::move(*pod);
    if (!kinds::goes_without_budget(pod_.as_object())) return look_for_budget();
    remove(!kinds::has_ended(pod_.as_object()));
  }

  void look_for_budget() {
    budgets_ = schema->find_resource("policy", "v1", "poddisruptionbudgets");
    if (budgets_ == nullptr) return remove(false);
    auto all = call->env->store.list(key_prefix(*budgets_, ns));
    if (!all) return fail(all.error());
    size_t bytes = 0;
    for (const auto& entry : all->entries) bytes += entry->value.size();
    at_leisure(call, bytes, [self = shared_from_this(), found = std::move(*all)] { self->choose_budget(found); });
  }

  void choose_budget(const store::ListResult& all) {
    Json chosen;
    for (const auto& entry : all.entries) {
      auto budget = parse_entry(*entry, call->request.account);
      if (!budget) return fail(budget.error());
      if (!kinds::is_covered(pod_.as_object(), budget->as_object())) continue;
      if (!chosen.is_null()) {
        return fail(Status::internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."));
      }
      chosen = std::move(*budget);
    }
    if (chosen.is_null()) return remove(false);
    budget_ = text_at(chosen, {"metadata", "name"});
    // It must still be unready when it goes.
    if (kinds::spares_unready(chosen.as_object(), pod_.as_object())) return remove(true);
    take_disruption();
  }

  void take_disruption() {
    auto mutation = part_of(*budgets_, budget_);
    mutation->change = [self = shared_from_this()](const store::Entry&, const Json& current) -> Expected<Change> {
      auto next = schema::copy_of(current, self->call->request.account);
      if (!next) return next.error();
      if (auto status = kinds::take_disruption(next->as_object(), self->name, self->call->env->now()); !status.ok()) {
        return status;
      }
      return Change{.next = std::move(*next), .internal = true};
    };
    mutation->done = [self = shared_from_this()](const Expected<Outcome>& outcome) {
      if (outcome) return later(self->call, 0, [self] { self->remove(false); });
      self->fail(outcome.error().code() == 409 ? kinds::no_room(self->budget_) : outcome.error());
    };
    mutate(std::move(mutation));
  }

  // `as_seen`: only if it is still what was decided about.
  void remove(bool as_seen) {
    const bool pinned = as_seen && text_at(options_, {"preconditions", "resourceVersion"}).empty();
    if (pinned) object_in(options_.as_object(), "preconditions")["resourceVersion"] = std::to_string(version_);
    auto mutation = part_of(*kind, name);
    mutation->change = [self = shared_from_this()](const store::Entry& entry, const Json& current) {
      auto change = plan_deletion(*self->call, self->options_, entry, current);
      if (change && !change->unchanged) kinds::mark_evicted(change->next.as_object(), self->call->env->now());
      return change;
    };
    mutation->done = [self = shared_from_this(), pinned](const Expected<Outcome>& outcome) {
      if (outcome) return respond_done(*self->call);
      if (!pinned || outcome.error().code() != 409) return self->fail(outcome.error());
      self->changed_meanwhile(outcome.error());
    };
    mutate(std::move(mutation));
  }

  // A pod that no budget was asked of may have to be asked now; where one was, whoever evicts tries again.
  void changed_meanwhile(const Status& conflict) {
    if (!budget_.empty()) return fail(kinds::no_room(budget_));
    if (++looks_ == kMostLooks) return fail(conflict);
    object_in(options_.as_object(), "preconditions").erase("resourceVersion");
    later(call, 0, [self = shared_from_this()] { self->look_at_pod(); });
  }

  // A write that the eviction, which is admitted, consists of.
  std::shared_ptr<Mutation> part_of(const schema::Kind& of, std::string_view whom) {
    auto mutation = std::make_shared<Mutation>(call, admission::Operation::kUpdate);
    mutation->kind = &of;
    mutation->name = whom;
    mutation->admitted = true;
    mutation->begun = true;  // what the budget has given is not to be lost for want of a worker
    mutation->dry_run = dry_run;
    return mutation;
  }

  Json body_, options_;
  Json pod_;
  store::Revision version_ = 0;
  const schema::Kind* budgets_ = nullptr;
  std::string budget_;  // its name
  int looks_ = 0;       // that were in vain
};

}  // namespace

void pod_evict(const CallPtr& call) {
  const auto* message = call->schema->find_message(kMessage);
  if (message == nullptr) return respond_error(*call, unknown_resource());
  auto body = read_body(*call, *message, "policy/v1", "Eviction", "policy/v1beta1");
  if (!body) return respond_error(*call, body.error());
  std::make_shared<Eviction>(call, std::move(*body))->begin();
}

}  // namespace gantry::apiserver
