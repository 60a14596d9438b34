// watch: where to begin, by resourceVersion and sendInitialEvents. [any-thread]
#include <algorithm>

#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/apiserver/watch/session.hpp"

namespace gantry::apiserver {
namespace {

// Without a wish of its own a watch lasts between one and two of these, so that not all come back at once.
constexpr int64_t kDefaultTimeout = 1'800;
constexpr int64_t kLongestTimeout = 365 * 86'400;

Status check_watch_options(const Query& query) {
  constexpr std::string_view kMatch = "resourceVersionMatch";
  const auto match = query.get(kMatch);
  const bool initial = query.has("sendInitialEvents");
  if (initial && match != "NotOlderThan") {
    return invalid_options("ListOptions", kMatch, "FieldValueForbidden",
                           "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
  }
  if (!match.empty() && !initial) {
    return invalid_options(
        "ListOptions", kMatch, "FieldValueForbidden",
        "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
  }
  return {};
}

Expected<store::Revision> begin_at(const Call& call) {
  const auto text = call.query.get("resourceVersion");
  auto number = call.query.number("resourceVersion");
  if (!number || number->value_or(0) < 0) {
    return Status::bad_request("Invalid value: \"" + std::string(text) + "\": invalid resource version");
  }
  return number->value_or(0);
}

Status read_initial(Call& call, bool must_be_new, WatchSession::Start& start) {
  if (must_be_new && start.from > call.env->store.revision()) {
    return version_too_large(start.from, call.env->store.revision());
  }
  const auto prefix = prefix_of(call, start.selection);
  if (start.selection.only.field) {
    if (auto found = call.env->store.find(prefix, start.selection.only)) {
      start.initial = std::move(found->entries);
      start.from = found->revision;
      return {};
    }
  }
  auto all = call.env->store.list(prefix);
  if (!all) return all.error();
  start.initial = std::move(all->entries);
  start.from = all->revision;
  return {};
}

}  // namespace

void watch(const CallPtr& call) {
  const auto& query = call->query;
  if (call->form.media == schema::Media::kYaml) {
    return respond_error(*call, Status::not_acceptable("only the following media types are accepted: application/json, "
                                                       "application/vnd.kubernetes.protobuf;stream=watch"));
  }
  if (auto status = check_watch_options(query); !status.ok()) return respond_error(*call, status);
  auto selection = read_selection(*call);
  if (!selection) return respond_error(*call, selection.error());
  auto from = begin_at(*call);
  if (!from) return respond_error(*call, from.error());
  auto timeout = query.number("timeoutSeconds");
  if (!timeout) return respond_error(*call, timeout.error());
  WatchSession::Start start;
  start.selection = std::move(*selection);
  start.from = *from;
  start.bookmarks = query.flag("allowWatchBookmarks");
  const int64_t random = static_cast<int64_t>(call->env->options.random() % static_cast<uint64_t>(kDefaultTimeout));
  // As upstream, a negative one is over at once.
  const int64_t wanted = timeout->value_or(0);
  start.timeout =
      std::chrono::seconds(wanted == 0 ? kDefaultTimeout + random : std::clamp<int64_t>(wanted, 0, kLongestTimeout));
  const bool asked = query.has("sendInitialEvents") && query.flag("sendInitialEvents");
  const bool skipped = query.has("sendInitialEvents") && !asked;
  start.mark_initial_end = asked && start.bookmarks;
  if (asked || (start.from == 0 && !skipped)) {
    if (auto status = read_initial(*call, asked, start); !status.ok()) return respond_error(*call, status);
  } else if (start.from == 0) {
    start.from = call->env->store.revision();
  }
  WatchSession::open(call, std::move(start));
}

}  // namespace gantry::apiserver
