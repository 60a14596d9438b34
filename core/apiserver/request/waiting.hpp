// How a request waits for an answer that takes its time, of an authorizer or of an admission step. [any-thread]
#pragma once

#include <functional>

#include "core/apiserver/request/call.hpp"
#include "core/limits/later.hpp"

namespace gantry::apiserver {

// On the server's loop, or on a worker when the request is a long one; with 503 once the server stops.
void go_on(const CallPtr& call, std::function<void(Status)> rest, Status status);
// By the call's deadline, a minute where it has none, and soon after its peer has gone.
std::function<void()> at_deadline(const CallPtr& call, std::function<void()> late);

class CallWaiter : public limits::Waiter {
 public:
  explicit CallWaiter(CallPtr call) : call_(std::move(call)) {}
  void go_on(std::function<void(Status)> rest, Status status) override {
    apiserver::go_on(call_, std::move(rest), std::move(status));
  }
  std::function<void()> at_deadline(std::function<void()> late) override {
    return apiserver::at_deadline(call_, std::move(late));
  }
  limits::Waits* waits() override { return &call_->env->waits; }

 private:
  const CallPtr call_;
};

}  // namespace gantry::apiserver
