// The caches: lists cross in parts, because they may be longer than a frame.
#include <array>

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

using Names = std::array<gantry_slice, 4>;

gantry_code visit_all(const gantry_host* host, const gantry_cache& cache, const gantry_resource& resource,
                      const Names& names, Parts& parts, Buffer& error) {
  switch (parts.frame.op) {
    case Op::kCacheList:
      return cache.list(host, &resource, names[0], names[1], &Parts::visit, &parts, error.out());
    case Op::kCacheByOwner:
      return cache.by_owner(host, &resource, names[0], &Parts::visit, &parts);
    default:
      return cache.by_index(host, &resource, names[0], names[1], names[2], names[3], &Parts::visit, &parts,
                            error.out());
  }
}

// How many names an operation has behind the resource.
size_t names_of(Op op) { return op == Op::kCacheByOwner ? 1 : op == Op::kCacheList ? 2 : 4; }

}  // namespace

bool HostBridge::serve_cache(const Frame& frame, PayloadReader& in, const Answer& answer) {
  const gantry_resource resource = {to_slice(in.bytes()), to_slice(in.bytes()), to_slice(in.bytes())};
  Names names{};
  for (size_t i = 0; i < names_of(frame.op); ++i) names[i] = to_slice(in.bytes());
  if (frame.kind != Kind::kCall || !in.done()) return false;
  Reply reply{503, {}, {}};
  if (host_.cache == nullptr) {
    reply.error = to_proto(Status::unavailable("this host offers no caches")).SerializeAsString();
  } else {
    Parts parts{frame, answer, {}};
    Buffer error;
    reply.code = visit_all(host_.host, *host_.cache, resource, names, parts, error);
    parts.flush();
    reply.error = error.view();
  }
  answer({frame.op, Kind::kAnswer, 0, frame.id, reply.encode()});
  return true;
}

}  // namespace gantry::isolation
