// Long calls of a plugin's process that no thread waits for: each is a frame on the control connection, and the frame
// of its answer calls back. So many are under way at a time, each a thread over there; the others wait their turn.
//
// Owned by the Session. [any-thread]; answer() and end() on the supervisor's.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/isolation/payload.hpp"
#include "core/isolation/supervisor.hpp"

namespace gantry::isolation {

class LaterCalls {
 public:
  using Answered = std::function<void(Reply)>;
  using Send = std::function<void(const Frame&)>;
  // Of 429, when so many wait already.
  using Refuse = std::function<Reply(Op)>;

  explicit LaterCalls(Send send, Refuse refuse) : send_(std::move(send)), refuse_(std::move(refuse)) {}

  // Tells `answered` once, on whatever thread, this one too. The deadline begins when the call is sent; `held` lives
  // until it is over.
  void begin(Op op, std::string payload, std::chrono::milliseconds deadline, std::shared_ptr<void> held,
             Answered answered);
  // A complaint when the frame makes no sense, else empty.
  std::string answer(const Frame& frame);
  // Of the calls under way the one whose time is over first.
  std::optional<CallLimit> limit() const;
  // The process is gone: this is the answer to all, later ones too.
  void end(const Reply& reply);

 private:
  struct Call {
    Op op = Op::kNone;
    std::string payload;  // empty once it is sent
    std::chrono::milliseconds deadline{0};
    std::chrono::steady_clock::time_point until;
    std::shared_ptr<void> held;
    Answered answered;
  };
  Frame take_frame_locked(Call call);

  const Send send_;
  const Refuse refuse_;
  mutable std::mutex mutex_;
  std::map<uint64_t, Call> sent_;  // by id
  std::deque<Call> waiting_;
  uint64_t last_id_ = 0;
  std::optional<Reply> over_;
};

}  // namespace gantry::isolation
