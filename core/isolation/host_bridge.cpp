#include "core/isolation/host_bridge.hpp"

#include <utility>

#include "gantry/status_proto.hpp"

namespace gantry::isolation {
namespace {

Frame answer_to(const Frame& frame, std::string payload) {
  return {frame.op, Kind::kAnswer, 0, frame.id, std::move(payload)};
}

Reply reply_of(gantry_code code, const Buffer& response, const Buffer& error) {
  return {code, std::string(response.view()), std::string(error.view())};
}

Reply refusal(const Status& status) { return {status.code(), {}, to_proto(status).SerializeAsString()}; }

}  // namespace

void HostBridge::attach(const gantry_host* host) {
  const std::unique_lock lock(host_mutex_);
  host_ = host;
  for (size_t bit = 0; bit < kHostBits; ++bit) tables_[bit] = host->get_interface(host, kHostIds[bit]);
}

void HostBridge::detach() {
  const gantry_host* host = nullptr;
  const gantry_timer* timer = nullptr;
  {
    // Waits for host calls under way; none begins afterwards, so that no timer is added behind our back.
    const std::unique_lock lock(host_mutex_);
    host = std::exchange(host_, nullptr);
    timer = table<gantry_timer>(kTimer);
    tables_ = {};
  }
  if (host != nullptr && timer != nullptr) cancel_all_timers(*timer, host);
}

uint32_t HostBridge::offered() const {
  const std::shared_lock lock(host_mutex_);
  uint32_t mask = 0;
  for (size_t bit = 0; bit < kHostBits; ++bit) mask |= tables_[bit] != nullptr ? 1u << bit : 0;
  return mask;
}

uint8_t HostBridge::log_levels() const {
  const std::shared_lock lock(host_mutex_);
  const auto* log = table<gantry_log>(kLog);
  uint8_t levels = 0;
  for (int32_t level = 0; log != nullptr && level <= GANTRY_LOG_ERROR; ++level) {
    if (log->enabled(host_, level) != 0) levels = static_cast<uint8_t>(levels | 1u << level);
  }
  return levels;
}

void HostBridge::log(int32_t level, std::string_view text) const {
  const std::shared_lock lock(host_mutex_);
  if (const auto* log = table<gantry_log>(kLog)) log->write(host_, level, to_slice(text));
}

std::string HostBridge::serve(const Frame& frame, const Answer& answer, bool may_block) {
  PayloadReader in(frame.payload);
  bool good = false;
  if (frame.op == Op::kExecExited || frame.op == Op::kRuntimeEvent) {
    good = frame.kind == Kind::kPost && serve_runtime(frame, in);
  } else {
    // A process whose host is gone has nothing to ask; what it still sends was under way.
    const std::shared_lock lock(host_mutex_);
    if (host_ == nullptr && frame.kind == Kind::kPost) return {};
    good = serve_log_and_config(frame, in, answer) || serve_clock_and_metrics(frame, in, answer) ||
           serve_timer(frame, in) || serve_client(frame, in, answer, may_block) || serve_cache(frame, in, answer) ||
           serve_queue_and_events(frame, in);
  }
  if (good) return {};
  return std::string(name_of(frame.op)) + " with " + std::to_string(frame.payload.size()) + " bytes that cannot be it";
}

bool HostBridge::serve_log_and_config(const Frame& frame, PayloadReader& in, const Answer& answer) {
  if (frame.op != Op::kLogWrite) return serve_config(frame, in, answer);
  const auto level = in.number<int32_t>();
  const auto text = in.bytes();
  if (frame.kind != Kind::kPost || !in.done()) return false;
  if (const auto* log = table<gantry_log>(kLog)) log->write(host_, level, to_slice(text));
  return true;
}

bool HostBridge::serve_config(const Frame& frame, PayloadReader& in, const Answer& answer) {
  if (frame.op < Op::kConfigString || frame.op > Op::kConfigDaemon || frame.kind != Kind::kCall) return false;
  const auto key = to_slice(in.bytes());
  if (!in.done()) return false;
  const auto* config = table<gantry_config>(kConfig);
  Buffer value, error;
  int64_t number = 0;
  int32_t flag = 0;
  gantry_code code = 404;
  if (config == nullptr) {
    answer(answer_to(frame, Reply{code, {}, {}}.encode()));
    return true;
  }
  if (frame.op == Op::kConfigString) code = config->get_string(host_, key, value.out(), error.out());
  if (frame.op == Op::kConfigStrings) code = config->get_strings(host_, key, value.out(), error.out());
  if (frame.op == Op::kConfigDaemon) code = config->get_daemon(host_, key, value.out(), error.out());
  if (frame.op == Op::kConfigInt) code = config->get_int(host_, key, &number, error.out());
  if (frame.op == Op::kConfigBool) {
    code = config->get_bool(host_, key, &flag, error.out());
    number = flag;
  }
  auto reply = reply_of(code, value, error);
  if (frame.op == Op::kConfigInt || frame.op == Op::kConfigBool) reply.response = PayloadWriter().number(number).take();
  answer(answer_to(frame, reply.encode()));
  return true;
}

bool HostBridge::serve_clock_and_metrics(const Frame& frame, PayloadReader& in, const Answer& answer) {
  if (frame.op == Op::kClockNow || frame.op == Op::kClockMonotonic) {
    if (frame.kind != Kind::kCall || !in.done()) return false;
    const auto* clock = table<gantry_clock>(kClock);
    const int64_t now = clock == nullptr            ? 0
                        : frame.op == Op::kClockNow ? clock->now_unix_ns(host_)
                                                    : clock->monotonic_ns(host_);
    answer(answer_to(frame, PayloadWriter().number(now).take()));
    return true;
  }
  const auto* metrics = table<gantry_metrics>(kMetrics);
  if (frame.op == Op::kMetricDeclare) {
    const auto kind = in.number<int32_t>();
    const auto name = to_slice(in.bytes()), help = to_slice(in.bytes()), labels = to_slice(in.bytes());
    if (frame.kind != Kind::kCall || !in.done()) return false;
    const uint64_t metric = metrics == nullptr ? 0 : metrics->declare(host_, kind, name, help, labels);
    answer(answer_to(frame, PayloadWriter().number(metric).take()));
    return true;
  }
  if (frame.op != Op::kMetricRecord) return false;
  const auto metric = in.number<uint64_t>();
  const auto value = in.number<double>();
  if (frame.kind != Kind::kPost || !in.done()) return false;
  if (metrics != nullptr) metrics->record(host_, metric, value);
  return true;
}

bool HostBridge::serve_client(const Frame& frame, PayloadReader& in, const Answer& answer, bool may_block) {
  const auto* client = table<gantry_client>(kClient);
  if (frame.op == Op::kClientCall) {
    // The keeper's thread serves everybody and must not wait: over there, call is then made of call_async.
    if (frame.kind != Kind::kCall || !may_block) return false;
    const auto request = to_slice(in.bytes());
    if (!in.done()) return false;
    Buffer response, error;
    const auto reply = client == nullptr
                           ? refusal(Status::unavailable("this host offers no API client"))
                           : reply_of(client->call(host_, request, response.out(), error.out()), response, error);
    answer(answer_to(frame, reply.encode()));
    return true;
  }
  if (frame.op != Op::kClientAsync || frame.kind != Kind::kPost) return false;
  const auto request = to_slice(in.bytes());
  if (!in.done()) return false;
  auto call = std::make_unique<Async>(Async{owner_, this, frame.id});
  if (client == nullptr || client->call_async == nullptr) {
    const auto error = refusal(Status::unavailable("this host makes no asynchronous calls")).error;
    async_done(call.release(), 503, {}, to_slice(error));
    return true;
  }
  client->call_async(host_, request, &HostBridge::async_done, call.release());
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

bool HostBridge::serve_queue_and_events(const Frame& frame, PayloadReader& in) {
  if (frame.kind != Kind::kPost) return false;
  if (frame.op == Op::kQueueAdd) {
    const auto ns = to_slice(in.bytes()), name = to_slice(in.bytes());
    const auto delay_ms = in.number<int64_t>();
    if (!in.done()) return false;
    const auto* queue = table<gantry_queue>(kQueue);
    if (queue == nullptr) return true;
    if (delay_ms == 0) {
      queue->add(host_, ns, name);
    } else {
      queue->add_after(host_, ns, name, delay_ms);
    }
    return true;
  }
  if (frame.op != Op::kEventRecord) return false;
  const auto regarding = to_slice(in.bytes()), type = to_slice(in.bytes()), reason = to_slice(in.bytes()),
             message = to_slice(in.bytes());
  if (!in.done()) return false;
  if (const auto* events = table<gantry_events>(kEvents)) events->record(host_, regarding, type, reason, message);
  return true;
}

}  // namespace gantry::isolation
