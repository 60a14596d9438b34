// Watch events as whole messages: an event that many watchers get in the same form is put together once, and each
// connection sends that one buffer. [any-thread]
#pragma once

#include <array>
#include <memory>
#include <mutex>

#include "core/apiserver/watch/frames.hpp"

namespace gantry::apiserver {

class SharedFrames {
 public:
  // The event as `call`'s watch wants it; null when it is not worth sharing (long, or a form of its own): it goes as a
  // gather of stored buffers then.
  std::shared_ptr<const http::Framed> get(Call& call, EventKind kind, const store::EntryPtr& entry);
  void clear();

 private:
  // The last ones made, of 32 KiB at most each. A batch of events passes watcher after watcher, so what one has made is
  // there for the next. The versions themselves are not kept by it.
  struct Slot {
    std::weak_ptr<const store::Entry> entry;
    uint32_t form = 0;
    std::shared_ptr<const http::Framed> frame;
  };
  std::mutex mutex_;
  std::array<Slot, 64> slots_;
};

}  // namespace gantry::apiserver
