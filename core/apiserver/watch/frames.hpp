// The bytes of watch events: a gather of stored buffers for JSON and protobuf; for the other forms made once and shared
// by all watchers that ask for the same. Thread-safe.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/apiserver/request/forms.hpp"
#include "core/http/http.hpp"

namespace gantry::apiserver {

struct Call;

// Whether both are of the same version; one that is gone equals none that is there.
inline bool same_owner(const std::weak_ptr<const store::Entry>& kept, const store::EntryPtr& entry) {
  return !kept.owner_before(entry) && !entry.owner_before(kept);
}

// The version that a watcher knows, of one moment (a later one's columns may be others), and what it wants of it.
struct ServedForm {
  const schema::Kind* kind = nullptr;  // compared only
  uint64_t generation = 0;             // of the schema that it is from
  uint32_t form = 0;
  bool operator==(const ServedForm&) const = default;
};

// The last frames that had to be made, by version and form. A batch of events passes watcher after watcher, so that
// what one has made is there for the next. Bounded in bytes, and the versions themselves are not kept by it.
class FrameCache {
 public:
  static constexpr size_t kMostBytes = 4 << 20;

  http::Chunk get(const store::EntryPtr& entry, const ServedForm& form, const std::function<std::string()>& make);
  void clear();
  size_t bytes() const;

 private:
  struct Slot {
    std::weak_ptr<const store::Entry> entry;
    ServedForm form;
    http::Chunk frame;
  };
  mutable std::mutex mutex_;
  std::array<Slot, 256> slots_;
  size_t bytes_ = 0;  // of frames
  size_t hand_ = 0;   // the slot that is next to be given up
};

using Frame = std::vector<http::Chunk>;  // protobuf: cut as core/client/body_form.hpp says

// first: of this watch; tables carry their columns then.
Frame event_frame(Call& call, EventKind kind, const store::EntryPtr& entry, bool first);
Frame bookmark_frame(const Call& call, store::Revision revision, bool initial_events_end);
Frame error_frame(const Call& call, const Status& status);
std::string watch_content_type(const Call& call);

}  // namespace gantry::apiserver
