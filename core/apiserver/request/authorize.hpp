// Whether a caller may do what he asks for. [any-thread]
#pragma once

#include <functional>
#include <string_view>
#include <utility>

#include "core/apiserver/request/call.hpp"
#include "core/limits/later.hpp"

namespace gantry::apiserver {

// What is asked about a call: a verb for its target, or its method for its path (`verb` empty: the method).
auth::Access access_to_target(const Call& call, std::string_view verb);
auth::Access access_to_path(const Call& call);

// One question to the authorizer.
class Authorization : public limits::Asking {
 public:
  Authorization(const CallPtr& call, auth::Access access) : call_(call), access_(std::move(access)) {}
  // True: he may, now. False: he may not, and has been answered; or the authorizer takes its time.
  bool ask();

 private:
  virtual std::function<void()> then() const = 0;
  std::string asked() const override { return "the authorizer"; }
  std::shared_ptr<limits::Waiter> waiter() const override;
  std::function<void(Status)> rest() const override;

  const CallPtr& call_;
  const auth::Access access_;
};

// Goes on with `then` when the caller may do this, and answers him when he may not: before it returns, on this thread
// and with nothing allocated, unless the authorizer takes its time. `then` is copied for that case.
template <typename Then>
void authorize(const CallPtr& call, auth::Access access, const Then& then) {
  class Asked final : public Authorization {
   public:
    Asked(const CallPtr& of, auth::Access what, const Then& next) : Authorization(of, std::move(what)), next_(next) {}

   private:
    std::function<void()> then() const override { return next_; }
    const Then& next_;
  };
  if (Asked(call, std::move(access), then).ask()) then();
}

// The same for a head whose body has not come: what the authorizer takes its time for passes until then. What it says
// is kept with the request, and is the answer to the same question once the body is there.
Status authorize_head(Call& call, auth::Access access);

}  // namespace gantry::apiserver
