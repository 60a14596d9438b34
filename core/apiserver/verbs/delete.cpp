// delete and deletecollection. [any-thread]
#include <chrono>
#include <optional>

#include "core/apiserver/request/body.hpp"
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/deletion.hpp"
#include "core/apiserver/verbs/listing.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/schema/rules/kind_errors.hpp"

namespace gantry::apiserver {
namespace {

std::shared_ptr<Mutation> deletion_of(const CallPtr& call, std::shared_ptr<const Json> options) {
  auto mutation = mutation_of(call);
  mutation->operation = admission::Operation::kDelete;
  mutation->options = options.get();
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
  // By mutex, as the rest. Those to come are the entries from `next` on, and those that the store had no room for.
  size_t next = 0, open = 0, open_bytes = 0;
  std::vector<size_t> again;
  bool begun = false;    // something has been deleted
  bool pausing = false;  // others have all the room there is
  bool answered = false;
  Status first_error, refusal;
};
using CollectionPtr = std::shared_ptr<Collection>;
constexpr size_t kAtOnce = 1024, kBytesAtOnce = 8 << 20;
constexpr auto kMoment = std::chrono::milliseconds(20);

void delete_some(const CollectionPtr& all);

void delete_soon(const CollectionPtr& all) {
  later(all->call, SIZE_MAX, [all] { delete_some(all); });
}

void pause(const CollectionPtr& all) {
  const auto& loop = all->call->env->loop;
  loop->post([all, &loop] {
    loop->after(kMoment, [all] {
      {
        const std::lock_guard lock(all->mutex);
        all->pausing = false;
      }
      delete_soon(all);
    });
  });
}

enum class Next : uint8_t { kNothing, kSome, kPause };

Next next_locked(Collection& all) {
  const bool rest = all.next < all.page.entries.size();
  if (!all.pausing) return all.open == 0 || (rest && all.open == kAtOnce / 2) ? Next::kSome : Next::kNothing;
  if (all.open > 0) return Next::kNothing;
  if (all.begun && !all.call->env->stopping) return Next::kPause;
  if (all.first_error.ok()) all.first_error = all.refusal;
  all.again.clear();
  all.next = all.page.entries.size();
  return Next::kSome;
}

// The server stops: what is left is not begun.
void give_up_locked(Collection& all) {
  all.again.clear();
  all.next = all.page.entries.size();
  if (all.first_error.ok()) all.first_error = shutting_down();
}

// Where too much of others waits, and nothing of this collection: what has begun has its turn a moment later, as long
// as its request does; what has not is answered.
void one_done(const CollectionPtr& all, size_t index, const Expected<Outcome>& outcome) {
  auto next = Next::kNothing;
  {
    const std::lock_guard lock(all->mutex);
    const int code = outcome ? 0 : outcome.error().code();
    all->open_bytes -= all->page.entries[index]->value.size();
    --all->open;
    all->begun = all->begun || code == 0;
    if (all->call->env->stopping) {
      give_up_locked(*all);
    } else if (code == 429 && std::chrono::steady_clock::now() < all->call->deadline) {
      all->again.push_back(index);
      all->pausing = true;
      all->refusal = outcome.error();
    } else if (!outcome && code != 404 && all->first_error.ok()) {
      all->first_error = outcome.error();
    }
    next = next_locked(*all);
  }
  if (next == Next::kPause) return pause(all);
  if (next == Next::kSome) delete_soon(all);
}

void delete_one(const CollectionPtr& all, size_t index) {
  const auto& entry = *all->page.entries[index];
  auto mutation = deletion_of(all->call, all->options);
  mutation->ns = namespace_of_key(entry.key);
  mutation->name = name_of_key(entry.key);
  mutation->begun = true;
  mutation->done = [all, index](const Expected<Outcome>& outcome) { one_done(all, index, outcome); };
  mutate(std::move(mutation));
}

// The next one, if there is room for it.
std::optional<size_t> take_locked(Collection& all) {
  if (all.answered || all.pausing) return std::nullopt;
  const bool room = all.open == 0 || (all.open < kAtOnce && all.open_bytes < kBytesAtOnce);
  if (!room || (all.again.empty() && all.next == all.page.entries.size())) return std::nullopt;
  size_t index = all.next;
  if (all.again.empty()) {
    ++all.next;
  } else {
    index = all.again.back();
    all.again.pop_back();
  }
  ++all.open;
  all.open_bytes += all.page.entries[index]->value.size();
  return index;
}

// What there is room for, or the answer when nothing is left. More than one thread may be at it.
void delete_some(const CollectionPtr& all) {
  std::unique_lock lock(all->mutex);
  while (const auto index = take_locked(*all)) {
    lock.unlock();
    delete_one(all, *index);
    lock.lock();
  }
  const bool rest = all->next < all->page.entries.size() || !all->again.empty();
  if (rest || all->open > 0 || std::exchange(all->answered, true)) return;
  lock.unlock();
  if (!all->first_error.ok()) return respond_error(*all->call, all->first_error);
  respond_list(all->call, std::move(all->page));
}

void warn_of_orphans(Call& call, const Json& options) {
  const auto warning = call.kind().behavior->orphan_warning;
  if (!warning.empty() && text_at(options, {"propagationPolicy"}).empty()) call.warnings.emplace_back(warning);
}

}  // namespace

void remove(const CallPtr& call) {
  const auto kept = call->kind().behavior->kept;
  if (const auto why = kept != nullptr ? kept(call->target.name) : std::string_view(); !why.empty()) {
    return respond_error(*call, schema::forbidden(call->kind(), call->target.name, why));
  }
  auto options = read_delete_options(*call);
  if (!options) return respond_error(*call, options.error());
  warn_of_orphans(*call, *options);
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
  warn_of_orphans(*call, *options);
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
