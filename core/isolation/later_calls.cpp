#include "core/isolation/later_calls.hpp"

#include <utility>

namespace gantry::isolation {
namespace {

constexpr size_t kMostSent = 64, kMostWaiting = 4'096;

}  // namespace

// It is under way from here on; its frame is to be sent without the lock.
Frame LaterCalls::take_frame_locked(Call call) {
  Frame frame{call.op, Kind::kCall, 0, ++last_id_, std::move(call.payload)};
  call.until = std::chrono::steady_clock::now() + call.deadline;
  sent_[frame.id] = std::move(call);
  return frame;
}

void LaterCalls::begin(Op op, std::string payload, std::chrono::milliseconds deadline, std::shared_ptr<void> held,
                       Answered answered) {
  Call call{op, std::move(payload), deadline, {}, std::move(held), std::move(answered)};
  std::optional<Reply> refused;
  Frame frame;
  {
    const std::lock_guard lock(mutex_);
    if (over_) {
      refused = over_;
    } else if (sent_.size() < kMostSent) {
      frame = take_frame_locked(std::move(call));
    } else if (waiting_.size() < kMostWaiting) {
      return waiting_.push_back(std::move(call));
    } else {
      refused = refuse_(op);
    }
  }
  if (refused) return call.answered(*std::move(refused));
  send_(frame);
}

std::string LaterCalls::answer(const Frame& frame) {
  Reply reply;
  Call call;
  std::optional<Frame> next;
  {
    const std::lock_guard lock(mutex_);
    const auto found = sent_.find(frame.id);
    if (found == sent_.end() || found->second.op != frame.op) {
      return "an answer with the unknown id " + std::to_string(frame.id);
    }
    if (!Reply::decode(frame.payload, reply))
      return std::string("the answer to ") + name_of(frame.op) + " can not be read";
    call = std::move(found->second);
    sent_.erase(found);
    if (!waiting_.empty()) {
      next = take_frame_locked(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  if (next) send_(*next);
  call.answered(std::move(reply));
  return {};
}

std::optional<CallLimit> LaterCalls::limit() const {
  const std::lock_guard lock(mutex_);
  std::optional<CallLimit> first;
  for (const auto& [id, call] : sent_) {
    if (!first || call.until < first->at) first = {call.until, name_of(call.op), call.deadline};
  }
  return first;
}

void LaterCalls::end(const Reply& reply) {
  std::map<uint64_t, Call> sent;
  std::deque<Call> waiting;
  {
    const std::lock_guard lock(mutex_);
    over_ = reply;
    sent.swap(sent_);
    waiting.swap(waiting_);
  }
  for (const auto& [id, call] : sent) call.answered(reply);
  for (const auto& call : waiting) call.answered(reply);
}

}  // namespace gantry::isolation
