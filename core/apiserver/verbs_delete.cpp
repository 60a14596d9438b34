// delete and deletecollection. [any-thread]
#include "core/apiserver/body.hpp"
#include "core/apiserver/deletion.hpp"
#include "core/apiserver/forms.hpp"
#include "core/apiserver/listing.hpp"
#include "core/apiserver/respond.hpp"
#include "core/apiserver/verbs.hpp"

namespace gantry::apiserver {
namespace {

std::shared_ptr<Mutation> deletion_of(const CallPtr& call, std::shared_ptr<const Json> options) {
  auto mutation = mutation_of(call);
  mutation->change = [call, options](const store::Entry& entry, const Json& current) {
    return plan_deletion(*call, *options, entry, current);
  };
  return mutation;
}

void respond_removed(const CallPtr& call, const Outcome& outcome) {
  if (!outcome.erased || call->kind().behavior->returns_deleted) {
    return respond_written(call, 200, outcome.entry);
  }
  later(call, outcome.entry->value.size(), [call, entry = outcome.entry] {
    const auto uid = std::string(text_at(parse_entry(*entry), {"metadata", "uid"}));
    respond_success(*call, call->target.name, uid);
  });
}

// The deletions of one deletecollection, so many at once; answers after the last.
struct Collection {
  CallPtr call;
  std::shared_ptr<const Json> options;
  ListPage page;
  std::mutex mutex;
  size_t next = 0, open = 0, open_bytes = 0;  // by mutex, as the rest
  bool answered = false;
  Status first_error;
};
constexpr size_t kAtOnce = 256, kBytesAtOnce = 8 << 20;

void delete_some(const std::shared_ptr<Collection>& all);

void one_done(const std::shared_ptr<Collection>& all, size_t bytes, const Expected<Outcome>& outcome) {
  {
    const std::lock_guard lock(all->mutex);
    if (!outcome && outcome.error().code() != 404 && all->first_error.ok()) all->first_error = outcome.error();
    all->open_bytes -= bytes;
    const bool last = --all->open == 0;
    if (!last && (all->next == all->page.entries.size() || all->open != kAtOnce / 2)) return;
  }
  later(all->call, SIZE_MAX, [all] { delete_some(all); });
}

// What there is room for, or the answer when nothing is left.
void delete_some(const std::shared_ptr<Collection>& all) {
  std::unique_lock lock(all->mutex);
  const auto& entries = all->page.entries;
  while (all->next < entries.size() && (all->open == 0 || (all->open < kAtOnce && all->open_bytes < kBytesAtOnce))) {
    const auto& entry = *entries[all->next++];
    ++all->open;
    all->open_bytes += entry.value.size();
    lock.unlock();
    auto mutation = deletion_of(all->call, all->options);
    mutation->ns = namespace_of_key(entry.key);
    mutation->name = name_of_key(entry.key);
    mutation->done = [all, bytes = entry.value.size()](const Expected<Outcome>& outcome) {
      one_done(all, bytes, outcome);
    };
    mutate(std::move(mutation));
    lock.lock();
  }
  if (all->next < entries.size() || all->open > 0 || std::exchange(all->answered, true)) return;
  lock.unlock();
  if (!all->first_error.ok()) return respond_error(*all->call, all->first_error);
  respond_list(all->call, std::move(all->page));
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
  auto query = read_list_query(*call);
  if (!query) return respond_error(*call, query.error());
  auto found = find_listed(*call, *query);
  if (!found) return respond_error(*call, found.error());
  auto all = std::make_shared<Collection>();
  all->call = call;
  all->options = std::make_shared<const Json>(std::move(*options));
  choose(call, std::move(*query), std::move(*found), [all](ListPage page) {
    all->page = std::move(page);
    delete_some(all);
  });
}

}  // namespace gantry::apiserver
