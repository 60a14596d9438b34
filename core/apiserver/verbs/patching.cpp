// From the body of a patch to the next version of an object, and upstream's words for what stands in the way. Pure, any
// thread.
#include "core/apiserver/verbs/patching.hpp"

#include <algorithm>

#include "core/apiserver/request/body.hpp"
#include "core/apiserver/verbs/patch_text.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/patch/patch.hpp"
#include "core/schema/rules/rules.hpp"
#include "core/schema/values/arena.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::apiserver {
namespace {

constexpr std::string_view kAccepted =
    "application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json";
constexpr std::string_view kOperation = "handlers.jsonPatchOp";

Status not_decoded(const Json& value, std::string_view target) {
  const char* what = value.is_object()   ? "object"
                     : value.is_array()  ? "array"
                     : value.is_string() ? "string"
                     : value.is_bool()   ? "bool"
                                         : "number";
  return Status::bad_request("error decoding patch: json: cannot unmarshal " + std::string(what) + " into Go " +
                             std::string(target));
}

// Each operation on its own; what none has is told.
Status check_operations(const Json& body, std::vector<std::string>& problems) {
  if (body.is_null()) return {};
  const auto* list = body.if_array();
  if (list == nullptr) return not_decoded(body, "value of type []" + std::string(kOperation));
  for (size_t i = 0; i < list->size(); ++i) {
    const Json& item = (*list)[i];
    if (item.is_null()) continue;
    if (!item.is_object()) return not_decoded(item, "value of type " + std::string(kOperation));
    for (const auto& [key, value] : item.get_object()) {
      const std::string name(key);
      if (name == "value") continue;
      const bool known = name == "op" || name == "path" || name == "from";
      if (known && !value.is_null() && !value.is_string()) {
        return not_decoded(value, "struct field jsonPatchOp." + name + " of type string");
      }
      if (known || problems.size() >= schema::kMaxProblems) continue;
      problems.push_back("unknown field \"[" + std::to_string(i) + "]." + schema::cut(name, schema::kLongestName) +
                         "\"");
    }
  }
  return {};
}

// What is told of a body that is no JSON.
Status broken(PatchType type, bool ignore, const Status& why) {
  if (type == PatchType::kStrategic) return why;
  if (!ignore) return Status::bad_request("error decoding patch: " + why.message());
  return type == PatchType::kMerge ? Status::bad_request("Invalid JSON Patch") : why;
}

Status read_operations(const Call& call, Patch& patch) {
  const auto& request = call.request;
  const bool ignore = ignores_unknown(call);
  auto body = schema::parse_json(request.body, schema::kMaxDepth, request.account);
  if (!body) return limits::is_refusal(body.error()) ? body.error() : broken(patch.type, ignore, body.error());
  schema::take_over(patch.body, std::move(*body));
  if (ignore) return {};
  schema::DecodeOptions options;
  options.problems = &patch.problems;
  options.account = request.account;
  if (auto status = schema::find_duplicates(request.body, options); !status.ok()) return status;
  if (patch.type != PatchType::kJson) return {};
  if (auto status = check_operations(patch.body, patch.problems); !status.ok()) return status;
  for (auto& problem : patch.problems) problem.insert(0, "json patch ");
  return {};
}

Expected<Json> applied(const Call& call, const Patch& patch, const schema::Message& message, const Json& document) {
  if (!patch.broken.ok()) return patch.broken;
  const auto& account = call.request.account;
  auto next = [&]() -> Expected<Json> {
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
  if (!next && next.error().code() == 500) return Status::bad_request(next.error().message());
  return next;
}

// Upstream names no kind here. It quotes the object that a JSON or a merge patch made, and a strategic one itself.
Status does_not_fit(const Call& call, const Patch& patch, const schema::Message& message, const Json& document,
                    std::string_view why) {
  std::string value;
  if (patch.type == PatchType::kStrategic) {
    value = go_text(patch.body);
  } else {
    const auto again = applied(call, patch, message, document);
    if (!again) return again.error();
    value = json_text(*again);
  }
  return schema::invalid_status(
      schema::Kind(), "",
      {{"FieldValueInvalid", "Invalid value: " + schema::quoted(value) + ": " + std::string(why), "patch"}});
}

// The object must still be of its kind. A strategic patch is applied to the type, whatever it says.
std::string other_type(PatchType type, Json& next, std::string_view api_version, std::string_view kind) {
  auto& object = next.as_object();
  const std::string version(text_at(next, {"apiVersion"})), name(text_at(next, {"kind"}));
  object["apiVersion"] = api_version;
  object["kind"] = kind;
  if (type == PatchType::kStrategic) return {};
  const bool same = (version.empty() || version == api_version) && (name.empty() || name == kind);
  if (same) return {};
  const auto full = version.find('/') == std::string::npos ? "/" + version : version;
  return "unable to decode " + full + ", Kind=" + name + " into " + std::string(kind);
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
  patch.broken = read_operations(call, patch);
  if (limits::is_refusal(patch.broken)) return patch.broken;
  return patch;
}

Expected<Json> patched(Call& call, const Patch& patch, const schema::Message& message, std::string_view api_version,
                       std::string_view kind, const Json& document) {
  auto next = applied(call, patch, message, document);
  if (!next) return next;
  std::vector<std::string> problems;
  schema::DecodeOptions options;
  if (!ignores_unknown(call)) options.problems = &problems;
  options.account = call.request.account;
  options.converted = patch.type == PatchType::kStrategic;
  auto out = schema::canonicalize(message, std::move(*next), options);
  if (!out && limits::is_refusal(out.error())) return out;
  if (!out) return does_not_fit(call, patch, message, document, out.error().message());
  if (const auto why = other_type(patch.type, *out, api_version, kind); !why.empty()) {
    return does_not_fit(call, patch, message, document, why);
  }
  // As the fields of what Go writes; beyond the most that are told the last one says how many more there are.
  std::sort(problems.begin(),
            problems.begin() + static_cast<ptrdiff_t>(std::min(problems.size(), schema::kMaxProblems)));
  problems.insert(problems.begin(), patch.problems.begin(), patch.problems.end());
  call.warnings.clear();  // a retry of a patch says everything again
  if (problems.empty()) return out;
  if (is_strict(call)) return does_not_fit(call, patch, message, document, strict_error(problems));
  call.warnings = std::move(problems);
  return out;
}

}  // namespace gantry::apiserver
