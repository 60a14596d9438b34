// The caches: lists cross in parts, because they may be longer than a frame.
#include "core/isolation/host_bridge.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::isolation {
namespace {

constexpr size_t kPart = 256 * 1024;

// Gathers objects and sends them as parts of an answer.
struct Parts {
  const Frame& frame;
  const HostBridge::Answer& answer;
  std::string pending;

  void flush() {
    if (pending.empty()) return;
    answer({frame.op, Kind::kPart, 0, frame.id, std::move(pending)});
    pending.clear();
  }
  static int32_t visit(void* context, gantry_slice object) {
    auto& parts = *static_cast<Parts*>(context);
    const auto size = static_cast<uint32_t>(object.size);
    parts.pending.append(reinterpret_cast<const char*>(&size), sizeof size);
    parts.pending.append(to_view(object));
    if (parts.pending.size() >= kPart) parts.flush();
    return 0;
  }
};

}  // namespace

bool HostBridge::serve_cache(const Frame& frame, PayloadReader& in, const Answer& answer) {
  const gantry_resource resource = {to_slice(in.bytes()), to_slice(in.bytes()), to_slice(in.bytes())};
  const auto first = to_slice(in.bytes());
  const auto second = frame.op == Op::kCacheByOwner ? gantry_slice{} : to_slice(in.bytes());
  if (frame.kind != Kind::kCall || !in.done()) return false;
  Reply reply{503, {}, {}};
  if (host_.cache == nullptr) {
    reply.error = to_proto(Status::unavailable("this host offers no caches")).SerializeAsString();
  } else {
    Parts parts{frame, answer, {}};
    Buffer error;
    reply.code = frame.op == Op::kCacheList
                     ? host_.cache->list(host_.host, &resource, first, second, &Parts::visit, &parts, error.out())
                     : host_.cache->by_owner(host_.host, &resource, first, &Parts::visit, &parts);
    parts.flush();
    reply.error = error.view();
  }
  answer({frame.op, Kind::kAnswer, 0, frame.id, reply.encode()});
  return true;
}

}  // namespace gantry::isolation
