#include "core/isolation/host_bridge.hpp"

#include <utility>

#include "core/isolation/host_verbs.hpp"
#include "core/plugin/interface_table.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::isolation {
namespace {

Reply refusal(const Status& status) { return {status.code(), {}, to_proto(status).SerializeAsString()}; }

// Whether some function of it crosses.
bool crosses(const plugin::Interface& known) {
  return known.side == plugin::Side::kHost && known.members.front().crossing != plugin::Crossing::kNone;
}

template <typename Table>
void find(const gantry_host* host, const char* id, const Table*& table) {
  table = static_cast<const Table*>(host->get_interface(host, id));
}

}  // namespace

void HostBridge::attach(const gantry_host* host) {
  const std::unique_lock lock(host_mutex_);
  host_.host = host;
  host_.tables.clear();
  for (const auto& known : plugin::interfaces()) {
    host_.tables.push_back(crosses(known) ? host->get_interface(host, known.id) : nullptr);
  }
  find(host, GANTRY_LOG_ID, host_.log);
  find(host, GANTRY_TIMER_ID, host_.timer);
  find(host, GANTRY_CLIENT_ID, host_.client);
  find(host, GANTRY_CACHE_ID, host_.cache);
}

void HostBridge::detach() {
  Host gone;
  {
    // Waits for host calls under way; none begins afterwards, so that no timer is added behind our back.
    const std::unique_lock lock(host_mutex_);
    gone = std::exchange(host_, {});
  }
  if (gone.host != nullptr && gone.timer != nullptr) cancel_all_timers(*gone.timer, gone.host);
}

uint64_t HostBridge::offered() const {
  const std::shared_lock lock(host_mutex_);
  uint64_t mask = 0;
  for (size_t i = 0; i < host_.tables.size(); ++i) mask |= host_.tables[i] != nullptr ? uint64_t{1} << i : 0;
  return mask;
}

uint8_t HostBridge::log_levels() const {
  const std::shared_lock lock(host_mutex_);
  uint8_t levels = 0;
  for (int32_t level = 0; host_.log != nullptr && level <= GANTRY_LOG_ERROR; ++level) {
    if (host_.log->enabled(host_.host, level) != 0) levels = static_cast<uint8_t>(levels | 1u << level);
  }
  return levels;
}

void HostBridge::log(int32_t level, std::string_view text) const {
  const std::shared_lock lock(host_mutex_);
  if (host_.log != nullptr) host_.log->write(host_.host, level, to_slice(text));
}

std::string HostBridge::serve(const Frame& frame, const Answer& answer, bool may_block) {
  PayloadReader in(frame.payload);
  bool good = false;
  if (frame.op == Op::kExecExited || frame.op == Op::kRuntimeEvent) {
    good = frame.kind == Kind::kPost && serve_runtime(frame, in);
  } else {
    // A process whose host is gone has nothing to ask; what it still sends was under way.
    const std::shared_lock lock(host_mutex_);
    if (host_.host == nullptr && frame.kind == Kind::kPost) return {};
    good = frame.op < Op::kFirstMember ? serve_by_hand(frame, in, answer) : serve_member(frame, answer, may_block);
  }
  if (good) return {};
  return std::string(name_of(frame.op)) + " with " + std::to_string(frame.payload.size()) + " bytes that cannot be it";
}

bool HostBridge::serve_member(const Frame& frame, const Answer& answer, bool may_block) {
  const auto number = member_of(frame.op);
  const auto* verb = host_verb(number);
  if (verb == nullptr || (verb->answers ? Kind::kCall : Kind::kPost) != frame.kind) return false;
  // The supervisor's thread serves everybody and must not wait: over there, client.call is then made of call_async.
  if (verb->blocks && !may_block) return false;
  const auto* known = plugin::interface_of(number);
  const auto index = static_cast<size_t>(known - plugin::interfaces().data());
  const void* table = host_.host == nullptr ? nullptr : host_.tables[index];
  Reply reply;
  if (table == nullptr) {
    reply = refusal(Status::unavailable(std::string("this host offers no ") + known->id));
  } else if (!verb->run(table, host_.host, frame.payload, reply)) {
    return false;
  }
  if (verb->answers) answer({frame.op, Kind::kAnswer, 0, frame.id, reply.encode()});
  return true;
}

bool HostBridge::serve_by_hand(const Frame& frame, PayloadReader& in, const Answer& answer) {
  switch (frame.op) {
    case Op::kLogWrite:
      return serve_log(frame, in);
    case Op::kTimerStart:
    case Op::kTimerCancel:
      return serve_timer(frame, in);
    case Op::kClientAsync:
      return serve_call_async(frame, in);
    case Op::kCacheList:
    case Op::kCacheByOwner:
    case Op::kCacheByIndex:
      return serve_cache(frame, in, answer);
    default:
      return false;
  }
}

bool HostBridge::serve_log(const Frame& frame, PayloadReader& in) {
  const auto level = in.number<int32_t>();
  const auto text = in.bytes();
  if (frame.kind != Kind::kPost || !in.done()) return false;
  if (host_.log != nullptr) host_.log->write(host_.host, level, to_slice(text));
  return true;
}

bool HostBridge::serve_call_async(const Frame& frame, PayloadReader& in) {
  const auto request = to_slice(in.bytes());
  if (frame.kind != Kind::kPost || !in.done()) return false;
  auto call = std::make_unique<Async>(Async{owner_, this, frame.id});
  if (host_.client == nullptr || host_.client->call_async == nullptr) {
    const auto error = refusal(Status::unavailable("this host makes no asynchronous calls")).error;
    async_done(call.release(), 503, {}, to_slice(error));
    return true;
  }
  host_.client->call_async(host_.host, request, &HostBridge::async_done, call.release());
  return true;
}

void HostBridge::async_done(void* context, gantry_code code, gantry_slice response, gantry_slice error) {
  const std::unique_ptr<Async> call(static_cast<Async*>(context));
  const auto owner = call->owner.lock();
  if (owner == nullptr) return;
  const auto tell = [&](const Reply& reply) {
    return call->bridge->tell_({Op::kCallDone, Kind::kPost, 0, call->id, reply.encode()}, true);
  };
  if (tell({code, std::string(to_view(response)), std::string(to_view(error))})) return;
  tell(refusal(Status::too_many_requests("the call was made; its answer is not kept, for too many are unread")));
}

}  // namespace gantry::isolation
