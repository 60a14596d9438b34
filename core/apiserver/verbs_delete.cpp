// delete and deletecollection. [any-thread]
#include "core/apiserver/body.hpp"
#include "core/apiserver/deletion.hpp"
#include "core/apiserver/forms.hpp"
#include "core/apiserver/listing.hpp"
#include "core/apiserver/respond.hpp"
#include "core/apiserver/strategies/strategy.hpp"
#include "core/apiserver/verbs.hpp"

namespace gantry::apiserver {
namespace {

std::shared_ptr<Mutation> deletion_of(const CallPtr& call, std::shared_ptr<const Json> options) {
  auto mutation = mutation_of(call);
  mutation->change = [call, options](const store::Entry& entry, const Json& current) {
    return plan_deletion(*call->env, call->kind(), *options, entry, current);
  };
  return mutation;
}

void respond_removed(const CallPtr& call, const Outcome& outcome) {
  if (!outcome.erased || strategy_of(call->kind()).returns_deleted) {
    return respond_written(call, 200, outcome.entry);
  }
  later(call, outcome.entry->value.size(), [call, entry = outcome.entry] {
    const auto uid = std::string(text_at(parse_entry(*entry), {"metadata", "uid"}));
    respond_success(*call, call->target.name, uid);
  });
}

// The deletions of one deletecollection; answers after the last.
struct Collection {
  CallPtr call;
  ListPage page;
  std::atomic<size_t> open{0};
  std::mutex mutex;
  Status first_error;  // by mutex
};

void one_done(const std::shared_ptr<Collection>& all, const Expected<Outcome>& outcome) {
  if (!outcome && outcome.error().code() != 404) {
    std::lock_guard lock(all->mutex);
    if (all->first_error.ok()) all->first_error = outcome.error();
  }
  if (all->open.fetch_sub(1) != 1) return;
  later(all->call, SIZE_MAX, [all] {
    if (!all->first_error.ok()) return respond_error(*all->call, all->first_error);
    respond_list(all->call, std::move(all->page));
  });
}

}  // namespace

void remove(const CallPtr& call) {
  auto options = read_delete_options(*call);
  if (!options) return respond_error(*call, options.error());
  auto mutation = deletion_of(call, std::make_shared<const Json>(std::move(*options)));
  mutation->done = [call](const Expected<Outcome>& outcome) {
    if (!outcome) return respond_error(*call, outcome.error());
    respond_removed(call, *outcome);
  };
  mutate(std::move(mutation));
}

void remove_collection(const CallPtr& call) {
  auto options = read_delete_options(*call);
  if (!options) return respond_error(*call, options.error());
  auto page = read_page(*call);
  if (!page) return respond_error(*call, page.error());
  auto shared = std::make_shared<const Json>(std::move(*options));
  auto all = std::make_shared<Collection>();
  all->call = call;
  all->page = std::move(*page);
  all->open = all->page.entries.size() + 1;  // one for this loop
  for (const auto& entry : all->page.entries) {
    auto mutation = deletion_of(call, shared);
    mutation->ns = namespace_of_key(entry->key);
    mutation->name = name_of_key(entry->key);
    mutation->done = [all](const Expected<Outcome>& outcome) { one_done(all, outcome); };
    mutate(std::move(mutation));
  }
  one_done(all, Outcome{});
}

}  // namespace gantry::apiserver
