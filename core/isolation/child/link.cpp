#include "core/isolation/child/link.hpp"

#include <cstdio>
#include <memory>

#include "core/isolation/child/tasks.hpp"
#include "core/isolation/child_process.hpp"
#include "core/plugin/bounds.hpp"
#include "gantry/abi/log.h"
#include "gantry/status_proto.hpp"

namespace gantry::isolation {
namespace {

thread_local Channel* current_lane = nullptr;
thread_local uint64_t last_lane_id = 0;

// Of the daemon's frames every size is believed.
constexpr size_t kAnySize = std::numeric_limits<uint32_t>::max();

}  // namespace

void leave(const char* why) {
  if (*why == '\0') ::_exit(kExitDisconnected);
  std::fprintf(stderr, "gantry-plugin-host: %s\n", why);
  ::_exit(70);
}

LaneScope::LaneScope(Channel& lane) { current_lane = &lane; }
LaneScope::~LaneScope() { current_lane = nullptr; }

Link::Link(Fd control) : control_(std::move(control), kAnySize, true) {}

void Link::start(std::function<void(Channel)> serve_lane, std::function<Reply(Frame&)> serve_call) {
  serve_lane_ = std::move(serve_lane);
  serve_call_ = std::move(serve_call);
  const auto run = [](void* self) -> void* {
    auto& link = *static_cast<Link*>(self);
    {
      const std::lock_guard lock(link.mutex_);
      link.reader_ = std::this_thread::get_id();
    }
    link.changed_.notify_all();
    link.read_until(nullptr);
    return nullptr;
  };
  if (!start_thread(run, this)) leave("no thread can be started");
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return reader_ != std::thread::id(); });
}

std::string Link::call(Op op, std::string_view payload, std::vector<std::string>* parts) {
  return current_lane != nullptr ? call_on_lane(op, payload, parts) : call_on_control(op, payload, parts);
}

Status Link::fits(Op op, std::string_view payload) const {
  if (payload.size() <= max_payload_) return {};
  return Status::too_large(std::to_string(payload.size()) + " bytes for " + name_of(op) +
                           "; a frame to the daemon holds " + std::to_string(max_payload_));
}

void Link::post(Op op, uint64_t id, std::string_view payload) {
  if (const auto fit = fits(op, payload); !fit.ok()) {
    return post(Op::kLogWrite, 0, PayloadWriter().number(int32_t{GANTRY_LOG_WARN}).bytes(fit.message()).view());
  }
  const Frame frame{op, Kind::kPost, 0, id, {}};
  if (current_lane == nullptr) return send_control(frame, payload);
  if (current_lane->send(frame, payload) != Io::kOk) leave("");
}

void Link::send_control(const Frame& frame, std::string_view payload) {
  const std::lock_guard lock(send_mutex_);
  if (control_.send(frame, payload) != Io::kOk) leave("");
}

std::string Link::call_on_lane(Op op, std::string_view payload, std::vector<std::string>* parts) {
  const uint64_t id = ++last_lane_id;
  if (current_lane->send({op, Kind::kCall, 0, id, {}}, payload) != Io::kOk) leave("");
  Frame frame;
  while (true) {
    if (current_lane->receive(frame) != Io::kOk) leave("");
    if (frame.id != id || frame.op != op) leave("the daemon answered something else");
    if (frame.kind == Kind::kAnswer) return std::move(frame.payload);
    if (parts != nullptr) parts->push_back(std::move(frame.payload));
  }
}

std::string Link::call_on_control(Op op, std::string_view payload, std::vector<std::string>* parts) {
  Waiter waiter{parts, {}, false};
  uint64_t id;
  {
    const std::lock_guard lock(mutex_);
    id = ++last_id_;
    waiters_[id] = &waiter;
  }
  send_control({op, Kind::kCall, 0, id, {}}, payload);
  if (on_reader()) {
    read_until(&waiter);
  } else {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiter.done; });
  }
  return std::move(waiter.answer);
}

void Link::read_until(const Waiter* waiter) {
  while (waiter == nullptr || !waiter->done) {
    while (waiter == nullptr && !deferred_.empty()) {
      const Frame frame = std::move(deferred_.front());
      deferred_.pop_front();
      run_callback(frame);
    }
    Frame frame;
    if (control_.receive(frame) != Io::kOk) leave("");
    take(std::move(frame), waiter != nullptr);
  }
}

void Link::take(Frame frame, bool nested) {
  switch (frame.op) {
    case Op::kTimerFired:
    case Op::kCallDone:
      if (nested) return deferred_.push_back(std::move(frame));
      return run_callback(frame);
    case Op::kNewLane: {
      struct Start {
        Link* link;
        Channel lane;
      };
      auto start = std::make_unique<Start>(Start{this, Channel(control_.take_descriptor(), kAnySize, true)});
      const auto run = [](void* argument) -> void* {
        const std::unique_ptr<Start> started(static_cast<Start*>(argument));
        started->link->serve_lane_(std::move(started->lane));
        return nullptr;
      };
      if (!start_thread(run, start.get())) leave("no thread can be started for another call");
      start.release();
      return;
    }
    default:
      return frame.kind == Kind::kCall ? serve_apart(std::move(frame)) : deliver(std::move(frame));
  }
}

// A call that takes its time: nobody over there waits for it.
void Link::serve_apart(Frame frame) {
  struct Start {
    Link* link;
    Frame frame;
  };
  auto start = std::make_unique<Start>(Start{this, std::move(frame)});
  const auto run = [](void* argument) -> void* {
    const std::unique_ptr<Start> started(static_cast<Start*>(argument));
    started->link->answer(started->frame, started->link->serve_call_(started->frame));
    return nullptr;
  };
  if (start_thread(run, start.get())) {
    start.release();
    return;
  }
  const auto status = Status::unavailable("the plugin's process can start no thread for another call");
  answer(start->frame, {status.code(), {}, to_proto(status).SerializeAsString()});
}

void Link::answer(const Frame& call, const Reply& reply) {
  send_control({call.op, Kind::kAnswer, 0, call.id, {}}, reply.encode());
}

void Link::deliver(Frame frame) {
  const std::lock_guard lock(mutex_);
  const auto it = waiters_.find(frame.id);
  if (it == waiters_.end()) leave("the daemon answered something else");
  Waiter& waiter = *it->second;
  if (frame.kind == Kind::kPart) {
    if (waiter.parts != nullptr) waiter.parts->push_back(std::move(frame.payload));
    return;
  }
  waiter.answer = std::move(frame.payload);
  waiter.done = true;
  waiters_.erase(it);
  changed_.notify_all();
}

void Link::run_callback(const Frame& frame) {
  if (frame.op == Op::kTimerFired) {
    fire(frame.id);
  } else {
    finish_async(frame);
  }
  send_control({Op::kCallbackDone, Kind::kPost, 0, 0, {}}, {});
}

uint64_t Link::start_timer(int64_t delay_ms, void (*callback)(void*), void* context) {
  uint64_t id;
  {
    const std::lock_guard lock(mutex_);
    if (timers_.size() >= plugin::bounds::kTimersInProcess) return 0;
    id = ++last_id_;
    timers_[id] = {callback, context};
  }
  post(Op::kTimerStart, id, PayloadWriter().number(delay_ms).view());
  return id;
}

void Link::cancel_timer(uint64_t id) {
  {
    std::unique_lock lock(mutex_);
    if (timers_.erase(id) == 0) {
      if (!on_reader()) changed_.wait(lock, [&] { return running_timer_ != id; });
      return;
    }
  }
  post(Op::kTimerCancel, id, {});
}

void Link::fire(uint64_t id) {
  Timer timer;
  {
    const std::lock_guard lock(mutex_);
    const auto it = timers_.find(id);
    if (it == timers_.end()) return;  // cancelled, while it fired over there
    timer = it->second;
    timers_.erase(it);
    running_timer_ = id;
  }
  timer.fire(timer.context);
  const std::lock_guard lock(mutex_);
  running_timer_ = 0;
  changed_.notify_all();
}

void Link::call_async(std::string_view request, gantry_call_done done, void* context) {
  const auto payload = PayloadWriter().bytes(request).take();
  if (const auto fit = fits(Op::kClientAsync, payload); !fit.ok()) {
    return done(context, fit.code(), {}, to_slice(to_proto(fit).SerializeAsString()));
  }
  uint64_t id;
  {
    const std::lock_guard lock(mutex_);
    id = ++last_id_;
    asyncs_[id] = {done, context};
  }
  post(Op::kClientAsync, id, payload);
}

void Link::finish_async(const Frame& frame) {
  Reply reply;
  if (!Reply::decode(frame.payload, reply)) leave("the daemon's answer can not be read");
  Async call;
  {
    const std::lock_guard lock(mutex_);
    const auto it = asyncs_.find(frame.id);
    if (it == asyncs_.end()) leave("the daemon answered a call that was not made");
    call = it->second;
    asyncs_.erase(it);
  }
  call.done(call.context, reply.code, to_slice(reply.response), to_slice(reply.error));
}

bool Link::on_lane() { return current_lane != nullptr; }

Reply Link::call_elsewhere(std::string_view request) {
  if (on_reader()) {
    const auto status = Status::internal("gantry_client.call waits and must not be used in a callback");
    return {status.code(), {}, to_proto(status).SerializeAsString()};
  }
  struct Wait {
    std::mutex mutex;
    std::condition_variable changed;
    Reply reply;
    bool done = false;
  } wait;
  call_async(
      request,
      [](void* context, gantry_code code, gantry_slice response, gantry_slice error) {
        auto& waiting = *static_cast<Wait*>(context);
        const std::lock_guard lock(waiting.mutex);
        waiting.reply = {code, std::string(to_view(response)), std::string(to_view(error))};
        waiting.done = true;
        waiting.changed.notify_all();
      },
      &wait);
  std::unique_lock lock(wait.mutex);
  wait.changed.wait(lock, [&] { return wait.done; });
  return std::move(wait.reply);
}

}  // namespace gantry::isolation
