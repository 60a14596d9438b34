// How a request waits. Threads: see the header.
#include "core/apiserver/request/waiting.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/respond.hpp"

namespace gantry::apiserver {
namespace {

using Clock = io::EventLoop::Clock;

// How often a peer is looked at who may have gone: nobody tells of it while he is to be answered.
constexpr std::chrono::milliseconds kLook{500};

// A timer of the server's loop that may be called off before the loop knows of it. By the loop alone, but for the
// posts.
struct Deadline {
  Clock::time_point at;
  std::weak_ptr<http::Exchange> exchange;
  std::function<void()> late;
  io::EventLoop::TimerId timer = 0;
};

void wait_for(const std::shared_ptr<Deadline>& deadline, const std::weak_ptr<io::EventLoop>& weak) {
  const auto loop = weak.lock();
  if (!loop || !deadline->late) return;
  const auto exchange = deadline->exchange.lock();
  const auto left = deadline->at - Clock::now();
  if (left <= Clock::duration::zero() || !exchange || !exchange->open()) {
    return std::exchange(deadline->late, nullptr)();
  }
  deadline->timer = loop->after(std::min<Clock::duration>(left, kLook), [deadline, weak] { wait_for(deadline, weak); });
}

}  // namespace

void go_on(const CallPtr& call, std::function<void(Status)> rest, Status status) {
  later(call, call->request.body.size(), [call, rest = std::move(rest), status = std::move(status)] {
    rest(call->env->stopping ? shutting_down() : status);
  });
}

std::function<void()> at_deadline(const CallPtr& call, std::function<void()> late) {
  const std::weak_ptr<io::EventLoop> loop = call->env->loop;
  auto deadline = std::make_shared<Deadline>();
  deadline->at = std::min(call->deadline, Clock::now() + kLongestWait);
  deadline->exchange = call->exchange;
  deadline->late = std::move(late);
  call->env->loop->post([deadline, loop] { wait_for(deadline, loop); });
  return [deadline, loop] {
    const auto alive = loop.lock();
    if (!alive) return;
    alive->post([deadline, loop] {
      deadline->late = nullptr;
      if (const auto running = loop.lock()) running->cancel(deadline->timer);
    });
  };
}

}  // namespace gantry::apiserver
