// Pages of stored objects: selectors, limits, continue tokens; and their answer as a gather of stored buffers.
// [any-thread]
#pragma once

#include "core/apiserver/environment.hpp"
#include "core/schema/selector.hpp"

namespace gantry::apiserver {

struct Selection {
  schema::LabelSelector labels;
  schema::FieldSelector fields;
  std::string only_name;  // of metadata.name=x, or the path
  bool empty() const { return labels.empty() && fields.empty(); }
  bool matches(const schema::Kind& kind, const store::Entry& entry) const;
};
Expected<Selection> read_selection(const Call& call);
// The narrowest prefix of keys that holds all that can match.
std::string prefix_of(const Call& call, const Selection& selection);
// The query's resourceVersion (0: none); an error when it is no number or in the future.
Expected<store::Revision> not_newer(const Call& call);

struct ListPage {
  std::vector<store::EntryPtr> entries;
  store::Revision revision = 0;
  std::string continuation;
  std::optional<int64_t> remaining;
};
Expected<ListPage> read_page(const Call& call);
void respond_list(Call& call, ListPage page);

}  // namespace gantry::apiserver
