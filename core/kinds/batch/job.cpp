// Jobs: the selector and labels that are made from the UID, what may still change, and their table. Pure functions,
// any thread.
#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/job_rules.hpp"
#include "core/kinds/parts/label_warnings.hpp"
#include "core/kinds/parts/pod_rules.hpp"
#include "core/kinds/parts/pod_warnings.hpp"
#include "core/kinds/parts/workload.hpp"
#include "core/schema/selector/selector.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds::batch_job {
namespace {

constexpr std::string_view kUid = "batch.kubernetes.io/controller-uid", kName = "batch.kubernetes.io/job-name";
constexpr std::string_view kOldUid = "controller-uid", kOldName = "job-name";
constexpr int64_t kAnyFailures = 2'147'483'647, kSomeFailures = 6;

const JsonObject& template_labels(const JsonObject& job) {
  const JsonObject& pod_template = object_at(object_at(job, "spec"), "template");
  return object_at(object_at(pod_template, "metadata"), "labels");
}

// A job without labels has those of its pods.
void take_labels(JsonObject& job) {
  JsonObject& metadata = ensure_object(job, "metadata");
  if (const JsonObject* own = get_object(metadata, "labels"); own != nullptr && !own->empty()) return;
  Json labels = template_labels(job);
  if (!labels.get_object().empty()) metadata["labels"] = std::move(labels);
}

bool is_generated_later(const JsonObject& spec) {
  return !get_flag(spec, "manualSelector") && get(spec, "selector") == nullptr;
}

void put_absent(JsonObject& object, std::string_view key, Json value) {
  if (get(object, key) == nullptr) object[key] = std::move(value);
}

void default_after(JsonObject& job) {
  default_template_after(job);
  JsonObject& spec = ensure_object(job, "spec");
  if (get(spec, "completions") == nullptr && get(spec, "parallelism") == nullptr) spec["completions"] = 1;
  put_absent(spec, "parallelism", 1);
  put_absent(spec, "backoffLimit", get(spec, "backoffLimitPerIndex") != nullptr ? kAnyFailures : kSomeFailures);
  put_absent(spec, "completionMode", "NonIndexed");
  put_absent(spec, "suspend", false);
  put_absent(spec, "manualSelector", false);
  put_absent(spec, "podReplacementPolicy", get(spec, "podFailurePolicy") != nullptr ? "Failed" : "TerminatingOrFailed");
  if (!is_generated_later(spec)) take_labels(job);
}

void create(JsonObject& job) {
  const JsonObject& own = object_at(job, "metadata");
  const std::string uid(get_text(own, "uid")), name(get_text(own, "name"));
  JsonObject& spec = ensure_object(job, "spec");
  if (!get_flag(spec, "manualSelector")) {
    JsonObject& labels = ensure_object(ensure_object(ensure_object(spec, "template"), "metadata"), "labels");
    // What was given stays, and is refused when it is another's.
    put_absent(labels, kUid, Json(uid));
    put_absent(labels, kOldUid, Json(uid));
    put_absent(labels, kName, Json(name));
    put_absent(labels, kOldName, Json(name));
    put_absent(ensure_object(ensure_object(spec, "selector"), "matchLabels"), kUid, Json(uid));
  }
  take_labels(job);
}

void check_generated(const JsonObject& job, Errors& errors) {
  const JsonObject& spec = object_at(job, "spec");
  const JsonObject* selector = get_object(spec, "selector");
  if (get_flag(spec, "manualSelector") || selector == nullptr) return;
  const JsonObject& own = object_at(job, "metadata");
  const std::string_view uid = get_text(own, "uid"), name = get_text(own, "name");
  const JsonObject& labels = template_labels(job);
  At root;
  At at = root.child("spec");
  At in_template = at.child("template");
  At in_metadata = in_template.child("metadata");
  const std::pair<std::string_view, std::string_view> wanted[] = {
      {kOldUid, uid}, {kOldName, name}, {kUid, uid}, {kName, name}};
  JsonObject all;
  for (const auto& [key, value] : wanted) {
    all[key] = value;
    const std::string must = "must be '" + std::string(value) + "'";
    if (!labels.contains(key)) errors.required(in_metadata.key("labels", key), "", must);
    if (get_text(labels, key) != value) errors.invalid(in_metadata.key("labels", key), "", labels, must);
  }
  auto parsed = schema::LabelSelector::from_document(*selector);
  if (parsed && !parsed->matches(all)) errors.invalid(at, "selector", *selector, "`selector` not auto-generated");
}

void check_host_names(const JsonObject& job, Errors& errors) {
  const JsonObject& spec = object_at(job, "spec");
  const int64_t completions = get_number(spec, "completions");
  if (!is_indexed(spec) || completions <= 0) return;
  const std::string_view name = get_text(object_at(job, "metadata"), "name");
  const std::string last = std::string(name) + "-" + std::to_string(completions - 1);
  if (format_problems("dns1123-label", last).empty()) return;
  At root;
  errors.invalid(root.child("metadata"), "name", Json(name),
                 "will not able to create pod with invalid DNS label: " + last);
}

void check_completions(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  if (!is_indexed(spec)) return check_unchanged(spec, old, "completions", at, errors);
  const int64_t now = get_number(spec, "completions");
  if (get(spec, "completions") == nullptr || now == get_number(old, "completions", -1)) return;
  if (now != get_number(spec, "parallelism")) {
    errors.invalid(at, "completions", now, "can only be modified in tandem with spec.parallelism");
  }
}

// What is left of a template without all that says where its pods go, what they are called by, and what they use.
Json without_directives(const JsonObject& pod_template) {
  JsonObject out(pod_template, boost::json::storage_ptr());  // not in the document's arena, which gives nothing back
  if (JsonObject* metadata = get_object(out, "metadata")) {
    metadata->erase("labels");
    metadata->erase("annotations");
  }
  JsonObject* spec = get_object(out, "spec");
  if (spec == nullptr) return out;
  for (std::string_view key : {"nodeSelector", "tolerations", "schedulingGates"}) spec->erase(key);
  if (JsonObject* affinity = get_object(*spec, "affinity")) affinity->erase("nodeAffinity");
  for (std::string_view key : {"containers", "initContainers"}) {
    each(*spec, key, [](JsonObject& container) { container.erase("resources"); });
  }
  return out;
}

void check_template_change(const JsonObject& job, const JsonObject& old, const At& at, Errors& errors) {
  const JsonObject& spec = object_at(job, "spec");
  const JsonObject& before = object_at(old, "spec");
  const JsonObject& now = object_at(spec, "template");
  const JsonObject& was = object_at(before, "template");
  // A job that waits and has no pods, be it that none was made yet or that all were told to go, may still be told where
  // they run and what they use.
  const JsonObject& status = object_at(old, "status");
  const bool stopped = get(status, "startTime") == nullptr || has_job_condition(old, "Suspended");
  const bool waits = get_flag(before, "suspend") && stopped && get_number(status, "active") == 0;
  if (waits && same_meaning(without_directives(now), without_directives(was))) return;
  check_unchanged(spec, before, "template", at, errors);
}

void check_changes(const JsonObject& job, const JsonObject& old, const At& at, Errors& errors) {
  const JsonObject& spec = object_at(job, "spec");
  const JsonObject& before = object_at(old, "spec");
  check_completions(spec, before, at, errors);
  check_unchanged(spec, before, "selector", at, errors);
  check_template_change(job, old, at, errors);
  for (std::string_view key :
       {"completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"}) {
    check_unchanged(spec, before, key, at, errors);
  }
}

void validate(const JsonObject& job, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  if (old == nullptr) check_generated(job, errors);
  if (const JsonObject* spec = changed_spec(job, old)) {
    check_job_spec(*spec, at, errors);
    const JsonObject* selector = get_object(*spec, "selector");
    if (selector == nullptr) errors.required(at, "selector");
    if (selector != nullptr) check_label_selector(*selector, at.child("selector"), errors);
    check_selects(*spec, at, errors);
    if (old != nullptr) check_changes(job, *old, at, errors);
  }
  if (old == nullptr) check_host_names(job, errors);
  if (changed_status(job, old) != nullptr) check_job_status(job, *old, errors);
}

void status(Row& row, std::string& out) {
  const JsonObject* job = row.document.if_object();
  if (job == nullptr) return put(out, "");
  const bool deleted = !text_at(row.document, "metadata.deletionTimestamp").empty();
  for (std::string_view type : {"Complete", "Failed", "", "Suspended", "FailureTarget", "SuccessCriteriaMet"}) {
    if (type.empty() && deleted) return put(out, "Terminating");
    if (!type.empty() && has_job_condition(*job, type)) return put(out, type);
  }
  put(out, "Running");
}

void completions(Row& row, std::string& out) {
  std::string text = std::to_string(number_at(row.document, "status.succeeded")) + "/";
  const Json* wanted = at(row.document, "spec.completions");
  const int64_t parallel = number_at(row.document, "spec.parallelism");
  if (wanted != nullptr && !wanted->is_null()) {
    text += std::to_string(number_at(row.document, "spec.completions"));
  } else {
    text += parallel > 1 ? "1 of " + std::to_string(parallel) : "1";
  }
  put(out, text);
}

void duration(Row& row, std::string& out) {
  const auto begin = schema::parse_time(text_at(row.document, "status.startTime"));
  if (!begin) return put(out, "");
  const auto end = schema::parse_time(text_at(row.document, "status.completionTime"));
  constexpr int64_t kSecond = 1'000'000'000;
  put(out, schema::human_duration(((end ? *end : row.now_ns) - *begin) / kSecond));
}

constexpr NamedCell kCells[] = {{"job-status", status},
                                {"job-completions", completions},
                                {"job-duration", duration},
                                {"container-names", container_names},
                                {"container-images", container_images},
                                {"selector", selector}};

// As upstream calls it.
constexpr schema::Alias kAliases[] = {{"status.successful", "status.succeeded"}};
void warn(const JsonObject& job, const JsonObject* old, Warnings& warnings) {
  if (old == nullptr) warn_name(job, warnings);
  const At root;
  if (is_news(job, old)) warn_job_spec(object_at(job, "spec"), root.child("spec"), warnings);
}

}  // namespace

constinit const Behavior behavior{.group = "batch",
                                  .kind = "Job",
                                  .default_before = default_template_before,
                                  .default_after = default_after,
                                  .validate = validate,
                                  .warn = warn,
                                  .create = create,
                                  .orphans = true,
                                  .orphan_warning =
                                      "child pods are preserved by default when jobs are deleted; set "
                                      "propagationPolicy=Background to remove them or set propagationPolicy=Orphan to "
                                      "suppress this warning",
                                  .aliases = kAliases,
                                  .cells = kCells,
                                  .name_matters = true};

}  // namespace gantry::kinds::batch_job
