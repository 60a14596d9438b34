// patch: JSON, merge and strategic merge patches of an object or its status. [any-thread]
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/mutate.hpp"
#include "core/apiserver/verbs/patching.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/values/arena.hpp"

namespace gantry::apiserver {
namespace {

Expected<Json> next_of(Call& call, const Patch& patch, const Json& document) {
  const auto& kind = call.kind();
  return patched(call, patch, *kind.message, kind.api_version(), kind.kind, document);
}

// The object after the patch. One that was stored before its kind's fields changed may no longer fit them: then it is
// patched without the values that don't, and the warnings name those.
Expected<Json> patched_object(Call& call, const Patch& patch, const Json& document) {
  auto next = next_of(call, patch, document);
  if (next || limits::is_refusal(next.error())) return next;
  auto fitting = schema::copy_of(document, call.request.account);
  if (!fitting) return fitting;
  std::vector<std::string> left_out;
  schema::DecodeOptions options;
  options.problems = &left_out;
  const auto misfits = schema::fit(*call.kind().message, *fitting, options);
  if (!misfits || *misfits == 0) return next;
  auto again = next_of(call, patch, *fitting);
  if (again) call.warnings.insert(call.warnings.end(), left_out.begin(), left_out.end());
  return again;
}

}  // namespace

void patch(const CallPtr& call) {
  auto patch = read_patch(*call);
  if (!patch) return respond_error(*call, patch.error());
  auto mutation = mutation_of(call);
  mutation->change = [call, patch = std::move(*patch)](const store::Entry&, const Json& document) -> Expected<Change> {
    auto next = patched_object(*call, patch, document);
    if (!next) return next.error();
    return Change{.next = std::move(*next)};
  };
  mutate(std::move(mutation));
}

}  // namespace gantry::apiserver
