// Reads request bodies. [any-thread]
#include "core/apiserver/request/body.hpp"

#include "core/apiserver/request/errors.hpp"
#include "core/schema/codec/codec.hpp"

namespace gantry::apiserver {
namespace {

// What is left of an error's message beyond this is cut anyway.
constexpr size_t kLongest = 32 << 10;

// What fieldValidation makes of unknown and duplicate fields.
Status judge(Call& call, std::vector<std::string> problems, std::string_view api_version, std::string_view kind) {
  if (problems.empty()) return {};
  if (is_strict(call)) {
    const std::string name(kind);
    return Status::bad_request(name + " in version \"" + std::string(api_version) + "\" cannot be handled as a " +
                               name + ": " + strict_error(problems));
  }
  for (auto& problem : problems) call.warnings.push_back(std::move(problem));
  return {};
}

Status check_type(Json& document, std::string_view api_version, std::string_view kind,
                  std::string_view older_version = {}) {
  const auto version = text_at(document, {"apiVersion"});
  const auto name = text_at(document, {"kind"});
  if (!version.empty() && version != api_version && version != older_version) {
    return Status::bad_request("the API version in the data (" + std::string(version) +
                               ") does not match the expected API version (" + std::string(api_version) + ")");
  }
  if (!name.empty() && name != kind) {
    return Status::bad_request(std::string(name) + " in version \"" + std::string(api_version) +
                               "\" cannot be handled as a " + std::string(kind) + ": converting (" + std::string(name) +
                               ") to (" + std::string(kind) + "): unknown conversion");
  }
  document.as_object()["apiVersion"] = api_version;
  document.as_object()["kind"] = kind;
  return {};
}

}  // namespace

bool ignores_unknown(const Call& call) { return call.query.get("fieldValidation") == "Ignore"; }
bool is_strict(const Call& call) { return call.query.get("fieldValidation") == "Strict"; }

std::string strict_error(const std::vector<std::string>& problems) {
  std::string out = "strict decoding error: ";
  for (const auto& problem : problems) {
    if (out.size() > kLongest) break;
    if (&problem != &problems.front()) out += ", ";
    out += problem;
  }
  return out;
}

Expected<Json> read_body(Call& call, const schema::Message& message, std::string_view api_version,
                         std::string_view kind, std::string_view older_version) {
  const auto& request = call.request;
  if (request.body.size() > kMaxBody) {
    return Status::too_large("Request entity too large: limit is " + std::to_string(kMaxBody));
  }
  auto media = Expected<schema::Media>(schema::Media::kJson);
  if (const auto type = request.header("content-type"); !type.empty()) media = schema::media_of(type);
  if (!media) return media.error();
  std::vector<std::string> problems;
  schema::DecodeOptions options;
  if (!ignores_unknown(call)) options.problems = &problems;
  options.account = request.account;
  auto document = schema::decode(message, *media, request.body, options);
  if (!document) return document;
  if (auto status = check_type(*document, api_version, kind, older_version); !status.ok()) return status;
  if (auto status = judge(call, std::move(problems), api_version, kind); !status.ok()) return status;
  return document;
}

Expected<Json> read_body(Call& call) {
  return read_body(call, *call.kind().message, call.kind().api_version(), call.kind().kind);
}

namespace {

Expected<Json> read_delete_body(const Call& call) {
  const auto& request = call.request;
  if (request.body.empty()) return Json(JsonObject());
  if (request.body.size() > kMaxBody) {
    return Status::too_large("Request entity too large: limit is " + std::to_string(kMaxBody));
  }
  const auto* message = call.schema->find_message("k8s.io.apimachinery.pkg.apis.meta.v1.DeleteOptions");
  auto media = Expected<schema::Media>(schema::Media::kJson);
  if (const auto type = request.header("content-type"); !type.empty()) media = schema::media_of(type);
  if (!media) return media.error();
  schema::DecodeOptions options;
  options.account = request.account;
  auto body = schema::decode(*message, *media, request.body, options);
  if (!body) return body;
  const auto kind = text_at(*body, {"kind"});
  if (!kind.empty() && kind != "DeleteOptions") {
    return Status::bad_request("decoded object cannot be converted to DeleteOptions");
  }
  return body;
}

Status check_delete_options(const Json& options) {
  const bool both = find(options, {"orphanDependents"}) != nullptr && find(options, {"propagationPolicy"}) != nullptr;
  if (both) {
    return invalid_options("DeleteOptions", "propagationPolicy", "FieldValueInvalid",
                           "Invalid value: \"" + std::string(text_at(options, {"propagationPolicy"})) +
                               "\": orphanDependents and deletionPropagation cannot be both set");
  }
  const auto policy = text_at(options, {"propagationPolicy"});
  if (policy.empty() || policy == "Foreground" || policy == "Background" || policy == "Orphan") return {};
  return invalid_options("DeleteOptions", "propagationPolicy", "FieldValueNotSupported",
                         "Unsupported value: \"" + std::string(policy) +
                             "\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"");
}

}  // namespace

Status settle_delete_options(Call& call, Json& options) {
  auto& object = options.as_object();
  if (auto status = check_delete_options(options); !status.ok()) return status;
  if (const Json* orphan = object.if_contains("orphanDependents"); orphan != nullptr && orphan->is_bool()) {
    object["propagationPolicy"] = orphan->get_bool() ? "Orphan" : "Background";
  }
  if (const Json* dry_run = object.if_contains("dryRun"); dry_run != nullptr && dry_run->is_array()) {
    for (const auto& value : dry_run->get_array()) {
      if (value == "All") continue;
      const std::string text(value.is_string() ? std::string_view(value.get_string()) : std::string_view());
      return invalid_options("DeleteOptions", "dryRun", "FieldValueNotSupported",
                             "Unsupported value: \"" + text + "\": supported values: \"All\"");
    }
    call.dry_run = call.dry_run || !dry_run->get_array().empty();
  }
  return {};
}

Expected<Json> read_delete_options(Call& call) {
  auto options = read_delete_body(call);
  if (!options) return options;
  auto& object = options->as_object();
  auto grace = call.query.number("gracePeriodSeconds");
  if (!grace) return grace.error();
  if (*grace && !object.contains("gracePeriodSeconds")) object["gracePeriodSeconds"] = **grace;
  const auto policy = call.query.get("propagationPolicy");
  if (!policy.empty() && !object.contains("propagationPolicy")) object["propagationPolicy"] = policy;
  if (call.query.has("orphanDependents") && !object.contains("orphanDependents")) {
    object["orphanDependents"] = call.query.flag("orphanDependents");
  }
  if (auto status = settle_delete_options(call, *options); !status.ok()) return status;
  return options;
}

}  // namespace gantry::apiserver
