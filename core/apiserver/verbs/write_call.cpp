// What the admission chain sees of the server. [any-thread]
#include "core/apiserver/verbs/write_call.hpp"

#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/request/waiting.hpp"

namespace gantry::apiserver {

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

void WriteCall::go_on(std::function<void(Status)> rest, Status status) {
  apiserver::go_on(call, std::move(rest), std::move(status));
}

std::function<void()> WriteCall::at_deadline(std::function<void()> late) {
  return apiserver::at_deadline(call, std::move(late));
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
