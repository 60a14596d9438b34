// A request that passes the admission chain: what the chain is told of a call, and where it goes on after a step that
// took its time. [any-thread]
#pragma once

#include "core/admission/request.hpp"
#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

class WriteCall : public admission::WriteRequest {
 public:
  // About the call's own object.
  WriteCall(CallPtr of, admission::Operation what);

  void go_on(std::function<void(Status)> rest, Status status) override;
  std::function<void()> at_deadline(std::function<void()> late) override;
  limits::Waits* waits() override { return &call->env->waits; }

  const CallPtr call;
};

// Both stages for a request that stores nothing (exec); then `go` or the refusal.
void admit_connection(const CallPtr& call, void (*go)(const CallPtr&));

}  // namespace gantry::apiserver
