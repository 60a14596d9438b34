#include "core/isolation/session.hpp"

#include <sys/socket.h>

#include "core/isolation/seconds.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::isolation {
namespace {

using Clock = std::chrono::steady_clock;

// Lanes there may be; each is a thread over there. More calls than that wait.
constexpr size_t kMaxLanes = 64;
// What a frame's own fields add to the bytes that the caller counts.
constexpr size_t kSlack = 4096;

}  // namespace

Session::Session(const IsolationOptions& options)
    : name_(options.name),
      deadline_(options.call_deadline),
      long_deadline_(options.long_call_deadline),
      stop_deadline_(options.stop_deadline),
      max_frame_(options.max_frame),
      bridge_([this](const Frame& frame, bool callback) { return supervisor_.send(frame, Fd(), callback); }),
      later_([this](const Frame& frame) { supervisor_.send(frame); }, [this](Op op) { return too_many(op); }),
      supervisor_(supervisor_options(options)) {}

SupervisorOptions Session::supervisor_options(const IsolationOptions& options) {
  SupervisorOptions made;
  made.name = options.name;
  made.host = options.host;
  made.cgroup_dir = options.cgroup_dir;
  made.memory_limit = options.memory_limit;
  made.max_frame = options.max_frame + kSlack;
  made.deadline = options.call_deadline;
  made.stop_deadline = options.stop_deadline;
  made.busy = [this] { return early_calls_ > 0; };
  made.limit = [this] { return later_.limit(); };
  made.on_frame = [this](Frame& frame) { return serve(frame); };
  made.on_end = [this](const std::string& cause) { end(cause); };
  made.on_exit = options.on_exit;
  return made;
}

Expected<std::shared_ptr<Session>> Session::start(const IsolationOptions& options) {
  const std::shared_ptr<Session> session(new Session(options));
  session->bridge_.set_owner(session);
  Fd ours, theirs;
  if (!make_pair(ours, theirs)) return Status::internal("socketpair failed");
  session->sockets_.insert(ours.get());
  session->main_ = std::make_unique<Lane>(Channel(std::move(ours), session->max_frame_ + kSlack, false));
  if (auto status = session->supervisor_.start(std::move(theirs), &session->memory_limited_); !status.ok())
    return status;
  return session;
}

Session::~Session() { close(); }

void Session::close() {
  supervisor_.begin_close();
  shut_lanes();  // over there, the main thread may be all there is
  supervisor_.close();
}

void Session::hurry() {
  hurried_ = true;
  supervisor_.hurry();
}

// A frame on the control connection; on the supervisor's thread.
std::string Session::serve(Frame& frame) {
  if (frame.op == Op::kCallbackDone) {
    if (frame.kind == Kind::kPost && frame.payload.empty() && supervisor_.callback_returned()) return {};
    return "the end of a callback that does not run";
  }
  if (frame.kind == Kind::kAnswer) return later_.answer(frame);
  if (frame.kind != Kind::kCall && frame.kind != Kind::kPost) {
    return "an answer with the unknown id " + std::to_string(frame.id);
  }
  return bridge_.serve(
      frame, [this](const Frame& answer) { supervisor_.send(answer); }, false);
}

void Session::shut_lanes() {
  {
    const std::lock_guard lock(lanes_mutex_);
    over_ = true;
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  lane_free_.notify_all();
}

void Session::end(const std::string& cause) {
  // Usually their other ends are closed already, unless something that the plugin started still holds them.
  shut_lanes();
  bridge_.end(unavailable(cause).error);
  later_.end(unavailable(cause));
}

Reply Session::unavailable(const std::string& cause) const {
  const auto status = Status::unavailable("plugin " + name_ + ": its process has ended: " + cause);
  return {status.code(), {}, to_proto(status).SerializeAsString()};
}

Reply Session::too_many(Op op) const {
  const auto status = Status::too_many_requests("plugin " + name_ + ": too many calls of " + name_of(op) + " wait");
  return {status.code(), {}, to_proto(status).SerializeAsString()};
}

Reply Session::too_large(Op op, size_t bytes) const {
  const auto status = Status::too_large("plugin " + name_ + ": " + std::to_string(bytes) + " bytes for " + name_of(op) +
                                        "; a frame to its process holds " + std::to_string(max_frame_));
  return {status.code(), {}, to_proto(status).SerializeAsString()};
}

Reply Session::call(Op op, std::string_view payload, Where where, std::span<const int> descriptors) {
  const Early early(*this);
  const Call call{op, payload, descriptors, within(deadline_)};
  if (payload.size() > max_frame_) return too_large(op, payload.size());
  if (where == Where::kAnyLane) return call_on_lanes(call);
  const std::lock_guard lock(main_mutex_);
  Reply reply;
  return transact(*main_, call, reply) ? reply : gone();
}

Reply Session::long_call(Op op, std::string_view payload, std::span<const int> descriptors) {
  const Early early(*this);
  const Call call{op, payload, descriptors, within(long_deadline_)};
  return payload.size() > max_frame_ ? too_large(op, payload.size()) : call_on_lanes(call);
}

void Session::call_later(Op op, std::string payload, LaterCalls::Answered answered) {
  if (payload.size() > max_frame_) return answered(too_large(op, payload.size()));
  later_.begin(op, std::move(payload), within(long_deadline_), std::make_shared<Early>(*this), std::move(answered));
}

Reply Session::call_on_lanes(const Call& call) {
  auto lane = take_lane();
  if (lane == nullptr && supervisor_.ended()) return gone();
  if (lane == nullptr) {
    const auto status = Status::unavailable("plugin " + name_ + ": the daemon has no descriptor left for a call");
    return {status.code(), {}, to_proto(status).SerializeAsString()};
  }
  Reply reply;
  const bool good = transact(*lane, call, reply);
  give_lane(std::move(lane), good);
  return good ? reply : gone();
}

std::unique_ptr<Session::Lane> Session::take_lane() {
  std::unique_lock lock(lanes_mutex_);
  lane_free_.wait(lock, [this] { return over_ || !idle_.empty() || lanes_ < kMaxLanes; });
  if (over_) return nullptr;
  if (!idle_.empty()) {
    auto lane = std::move(idle_.back());
    idle_.pop_back();
    return lane;
  }
  return make_lane();
}

// With lanes_mutex_ held.
std::unique_ptr<Session::Lane> Session::make_lane() {
  Fd ours, theirs;
  if (!make_pair(ours, theirs)) {
    lane_free_.notify_one();
    return nullptr;
  }
  sockets_.insert(ours.get());
  ++lanes_;
  supervisor_.send({Op::kNewLane, Kind::kPost, 0, 0, {}}, std::move(theirs));
  return std::make_unique<Lane>(Channel(std::move(ours), max_frame_ + kSlack, false));
}

void Session::give_lane(std::unique_ptr<Lane> lane, bool good) {
  {
    const std::lock_guard lock(lanes_mutex_);
    if (good) {
      idle_.push_back(std::move(lane));
    } else {
      sockets_.erase(lane->channel.fd());
      --lanes_;
      lane.reset();
    }
  }
  lane_free_.notify_one();
}

void Session::late(const Call& call) {
  supervisor_.fail(std::string("did not answer ") + name_of(call.op) + " within " + seconds(call.deadline) +
                   " and was killed");
}

bool Session::transact(Lane& lane, const Call& call, Reply& reply) {
  const uint64_t id = ++lane.last_id;
  lane.channel.set_timeout(call.deadline);
  switch (lane.channel.send({call.op, Kind::kCall, 0, id, {}}, call.payload, call.descriptors)) {
    case Io::kOk:
      return await_answer(lane, call, id, reply);
    case Io::kTimeout:
      late(call);
      return false;
    default:
      return false;
  }
}

bool Session::await_answer(Lane& lane, const Call& call, uint64_t id, Reply& reply) {
  // The socket's own timeout ends one wait. Several waits, between which the host did something for the plugin, are
  // added up.
  auto spent = Clock::duration::zero();
  const HostBridge::Answer answer = [&](const Frame& frame) { (void)lane.channel.send(frame, frame.payload); };
  Frame frame;
  while (true) {
    const auto begun = Clock::now();
    const Io got = lane.channel.receive(frame);
    spent += Clock::now() - begun;
    if (got == Io::kClosed) return false;
    if (got == Io::kTimeout || (spent > call.deadline && frame.kind != Kind::kAnswer)) {
      late(call);
      return false;
    }
    std::string complaint;
    if (got == Io::kMalformed) {
      complaint = lane.channel.complaint();
    } else if (frame.kind == Kind::kCall || frame.kind == Kind::kPost) {
      complaint = bridge_.serve(frame, answer, true);
    } else if (frame.kind != Kind::kAnswer || frame.id != id || frame.op != call.op) {
      complaint = std::string("an answer to ") + name_of(frame.op) + " with the unknown id " + std::to_string(frame.id);
    } else if (!Reply::decode(frame.payload, reply)) {
      complaint = std::string("the answer to ") + name_of(frame.op) + " can not be read";
    } else {
      return true;
    }
    if (complaint.empty()) continue;
    supervisor_.fail("sent a malformed frame: " + complaint);
    return false;
  }
}

}  // namespace gantry::isolation
