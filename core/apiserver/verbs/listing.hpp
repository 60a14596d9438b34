// Pages of stored objects: selectors, limits, continue tokens; and their answer as a gather of stored buffers.
// [any-thread]
#pragma once

#include "core/apiserver/request/call.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/selector/selector.hpp"

namespace gantry::apiserver {

struct Selection {
  schema::LabelSelector labels;
  schema::FieldSelector fields;
  std::string only_name;  // of metadata.name=x, or the path
  store::Only only;       // of spec.nodeName=x, and whatever else is indexed
  limits::Charge charge;  // for what the selectors hold
  bool empty() const { return labels.empty() && fields.empty(); }
  bool matches(const schema::Kind& kind, const store::Entry& entry) const;
};
Expected<Selection> read_selection(const Call& call);
// The narrowest prefix of keys that holds all that can match.
std::string prefix_of(const Call& call, const Selection& selection);
// The query's resourceVersion (0: none); an error when it is no number or in the future.
Expected<store::Revision> not_newer(const Call& call);

// What it takes to select versions and to put them into a call's form, in bytes of documents that have to be read.
class ReadingCost {
 public:
  ReadingCost(const Call& call, bool selects);
  size_t of(const store::Entry& entry) const {
    const bool read =
        made_ || (attributes_ && entry.derived[0] == nullptr) || (protobuf_ && entry.derived[1] == nullptr);
    return look_ + (read ? entry.value.size() : 0);
  }

 private:
  bool made_, attributes_, protobuf_;
  size_t look_;
};

struct ListPage {
  std::vector<store::EntryPtr> entries;
  store::Revision revision = 0;
  std::string continuation;
  std::optional<int64_t> remaining;
};
// What a list asks for, read from its query.
struct ListQuery {
  Selection selection;
  std::string prefix, narrow;    // of all objects in question, and of those that can match
  store::Revision revision = 0;  // 0: the newest
  std::string after;             // the last key of the page before
  size_t limit = 0;              // 0: none
  bool continued = false;
  bool all_match() const { return selection.empty() && selection.only_name.empty(); }
};
Expected<ListQuery> read_list_query(const Call& call);
// What is there: all that may match, or as much as fits when all does.
Expected<store::ListResult> find_listed(const Call& call, const ListQuery& query);
// Those of it that match, given to `done`, at once when that does not take long. Else others have their turn now and
// then, and it ends early when nobody waits for the answer any longer: `done` is not called, the call is answered.
void choose(const CallPtr& call, ListQuery query, store::ListResult found, std::function<void(ListPage)> done);

// Where a page goes on: behind the key `after`, without the list's prefix.
std::string continue_token(store::Revision revision, std::string_view after);
// apiVersion and kind.
schema::TypeMeta list_type(const Call& call);
std::string list_metadata_json(const ListPage& page);
// As far as the items.
std::string list_open_json(const Call& call, const ListPage& page);
void respond_list(const CallPtr& call, ListPage page);

}  // namespace gantry::apiserver
