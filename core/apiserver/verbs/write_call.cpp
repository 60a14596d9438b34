// What the admission chain sees of the server. [any-thread]
#include "core/apiserver/verbs/write_call.hpp"

#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"

namespace gantry::apiserver {
namespace {

// A timer of the server's loop that may be called off before the loop knows of it. By the loop alone, but for the
// posts.
struct Deadline {
  std::function<void()> late;
  io::EventLoop::TimerId timer = 0;
};

}  // namespace

WriteCall::WriteCall(CallPtr of, admission::Operation what) : call(std::move(of)) {
  operation = what;
  schema = call->schema;
  kind = &call->kind();
  ns = call->target.ns;
  name = call->target.name;
  subresource = call->target.subresource;
  user = &call->request.identity;
  dry_run = call->dry_run;
  objects = call->env.get();
  warnings = &call->warnings;
}

void WriteCall::go_on(std::function<void()> rest) { later(call, call->request.body.size(), std::move(rest)); }

std::function<void()> WriteCall::at_deadline(std::function<void()> late) {
  auto& env = *call->env;
  if (call->deadline == std::chrono::steady_clock::time_point::max()) return nullptr;
  auto deadline = std::make_shared<Deadline>();
  deadline->late = std::move(late);
  const std::weak_ptr<io::EventLoop> loop = env.loop;
  env.loop->post([deadline, loop, at = call->deadline] {
    const auto alive = loop.lock();
    if (!alive || !deadline->late) return;
    const auto left = std::max(at - std::chrono::steady_clock::now(), std::chrono::steady_clock::duration::zero());
    deadline->timer = alive->after(left, [deadline] {
      if (auto run = std::exchange(deadline->late, nullptr)) run();
    });
  });
  return [deadline, loop] {
    const auto alive = loop.lock();
    if (!alive) return;
    alive->post([deadline, loop] {
      deadline->late = nullptr;
      if (const auto running = loop.lock()) running->cancel(deadline->timer);
    });
  };
}

void admit_connection(const CallPtr& call, void (*go)(const CallPtr&)) {
  auto request = std::make_shared<WriteCall>(call, admission::Operation::kConnect);
  const auto& chain = call->env->chain;
  chain.run(admission::Stage::kMutate, request, [request, go, &chain](const Status& status) {
    const auto& on = request->call;
    if (!status.ok()) return respond_error(*on, status);
    chain.run(admission::Stage::kValidate, request, [on, go](const Status& verdict) {
      if (!verdict.ok()) return respond_error(*on, verdict);
      go(on);
    });
  });
}

}  // namespace gantry::apiserver
