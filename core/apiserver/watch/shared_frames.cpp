#include "core/apiserver/watch/shared_frames.hpp"

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {
namespace {

constexpr size_t kLong = 32 << 10;

}  // namespace

std::shared_ptr<const http::Framed> SharedFrames::get(Call& call, EventKind kind, const store::EntryPtr& entry) {
  if (call.form.as != As::kObject || entry->value.size() > kLong) return nullptr;
  const uint32_t form = static_cast<uint32_t>(call.form.media) << 4 | static_cast<uint32_t>(kind);
  const size_t at = (std::hash<const void*>()(entry.get()) / alignof(std::max_align_t) + form * 31) % slots_.size();
  {
    const std::lock_guard lock(mutex_);
    const auto& slot = slots_[at];
    if (slot.form == form && same_owner(slot.entry, entry)) return slot.frame;
  }
  auto frame = http::make_framed(event_frame(call, kind, entry, false));
  Slot old{entry, form, frame};
  const std::lock_guard lock(mutex_);
  // Made by two at once: one is kept, and both send it.
  if (slots_[at].form == form && same_owner(slots_[at].entry, entry)) return slots_[at].frame;
  std::swap(slots_[at], old);
  return frame;
}

void SharedFrames::clear() {
  decltype(slots_) old;
  const std::lock_guard lock(mutex_);
  std::swap(slots_, old);
}

}  // namespace gantry::apiserver
