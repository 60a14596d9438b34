// patch: JSON, merge and strategic merge patches of an object or its status. [any-thread]
#include "core/schema/patch/patch.hpp"

#include "core/apiserver/request/body.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/mutate.hpp"
#include "core/apiserver/verbs/patching.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/values/arena.hpp"

namespace gantry::apiserver {
namespace {

constexpr std::string_view kAccepted =
    "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";

Expected<Json> next_of(Call& call, const Patch& patch, const Json& document) {
  const auto& kind = call.kind();
  auto patched = apply_patch(call, patch, *kind.message, document);
  if (!patched) return patched;
  return canonical(call, *kind.message, kind.api_version(), kind.kind, std::move(*patched));
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

Expected<Patch> read_patch(const Call& call) {
  if (call.request.body.size() > kMaxBody) {
    return Status::too_large("Request entity too large: limit is " + std::to_string(kMaxBody));
  }
  std::string_view type = call.request.header("content-type");
  type = type.substr(0, type.find(';'));
  Patch patch;
  if (type == "application/json-patch+json") {
    patch.type = PatchType::kJson;
  } else if (type == "application/merge-patch+json") {
    patch.type = PatchType::kMerge;
  } else if (type == "application/strategic-merge-patch+json") {
    patch.type = PatchType::kStrategic;
  } else {
    return Status::unsupported_media_type(
        "the body of the request was in an unknown format - accepted media types include: " + std::string(kAccepted));
  }
  auto body = schema::parse_json(call.request.body, schema::kMaxDepth, call.request.account);
  if (!body) return body.error();
  schema::take_over(patch.body, std::move(*body));
  return patch;
}

Expected<Json> apply_patch(const Call& call, const Patch& patch, const schema::Message& message, const Json& document) {
  const auto& account = call.request.account;
  auto patched = [&]() -> Expected<Json> {
    switch (patch.type) {
      case PatchType::kJson:
        return schema::json_patch(document, patch.body, account);
      case PatchType::kMerge:
        return schema::merge_patch(document, patch.body, account);
      default:
        return schema::strategic_merge_patch(message, document, patch.body, account);
    }
  }();
  // Upstream says 500 to some malformed strategic patches; it is never the server's fault.
  if (!patched && patched.error().code() == 500) return Status::bad_request(patched.error().message());
  return patched;
}

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
