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

// Who is told that nobody waits any longer, unless it is called off first. By the server's loop alone.
struct Deadline {
  std::function<void()> late;
  io::EventLoop::TimerId timer = 0;

  void pass() {
    if (late) std::exchange(late, nullptr)();
  }
};

// Does this on the loop, while there is one.
void post_to(const std::weak_ptr<io::EventLoop>& weak, std::function<void(io::EventLoop&)> work) {
  const auto loop = weak.lock();
  if (!loop) return;
  loop->post([weak, work = std::move(work)] {
    if (const auto running = weak.lock()) work(*running);
  });
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
  deadline->late = std::move(late);
  const auto at = std::min(call->deadline, Clock::now() + kLongestWait);
  const auto end = [deadline, loop](bool passed) {
    post_to(loop, [deadline, passed](io::EventLoop& running) {
      running.cancel(deadline->timer);
      if (passed) deadline->pass();
      deadline->late = nullptr;
    });
  };
  post_to(loop, [deadline, at](io::EventLoop& running) {
    deadline->timer = running.after(at - Clock::now(), [deadline] { deadline->pass(); });
  });
  call->exchange->when_left([end] { end(true); });
  return [end] { end(false); };
}

}  // namespace gantry::apiserver
