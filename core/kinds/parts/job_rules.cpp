// Owns the rules of a job's spec as a whole; policies and the status have files of their own. Any thread.
#include "core/kinds/parts/job_rules.hpp"

#include <algorithm>

#include "core/kinds/parts/pod_rules.hpp"

namespace gantry::kinds {
namespace {

constexpr int64_t kMostParallel = 100'000, kMostFailedIndexes = 100'000;
// Beyond so many completions with a limit per index there may be so many of the others.
constexpr int64_t kManyCompletions = 100'000, kFewParallel = 10'000, kFewFailedIndexes = 10'000;
constexpr size_t kLongestManager = 63;
constexpr std::string_view kPathCharacters = "/-._~%!$&'()*+,;=:";

void check_manager(const JsonObject& spec, const At& at, Errors& errors) {
  const Json* value = get(spec, "managedBy");
  if (value == nullptr) return;
  const std::string_view name = get_text(spec, "managedBy");
  const size_t slash = name.find('/');
  if (name.empty()) {
    errors.required(at, "managedBy");
  } else if (slash == std::string_view::npos || slash == 0 || slash + 1 == name.size()) {
    errors.invalid(at, "managedBy", *value, "must be a domain-prefixed path (such as \"acme.io/foo\")");
  } else {
    errors.format(at, "managedBy", "dns1123-subdomain", name.substr(0, slash));
    const std::string_view path = name.substr(slash + 1);
    const bool fine = std::all_of(path.begin(), path.end(), [](unsigned char c) {
      return (c < 0x80 && std::isalnum(c) != 0) || kPathCharacters.find(static_cast<char>(c)) != std::string_view::npos;
    });
    if (!fine) {
      errors.invalid(at, "managedBy", Json(path),
                     "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
    }
  }
  if (name.size() > kLongestManager) errors.too_long(at, "managedBy", kLongestManager);
}

std::string at_most(int64_t number) { return "must be less than or equal to " + std::to_string(number); }

// What many completions leave of the other numbers.
void check_many(const JsonObject& spec, const At& at, Errors& errors) {
  if (get_number(spec, "completions") <= kManyCompletions || get(spec, "backoffLimitPerIndex") == nullptr) return;
  const std::string many = std::to_string(kManyCompletions);
  const std::string when = " when completions are above " + many + " and used with backoff limit per index";
  if (get(spec, "maxFailedIndexes") == nullptr) {
    errors.required(at, "maxFailedIndexes", "must be specified when completions is above " + many);
  }
  const int64_t parallel = get_number(spec, "parallelism"), failed = get_number(spec, "maxFailedIndexes");
  if (parallel > kFewParallel) errors.invalid(at, "parallelism", parallel, at_most(kFewParallel) + when);
  if (failed > kFewFailedIndexes) errors.invalid(at, "maxFailedIndexes", failed, at_most(kFewFailedIndexes) + when);
}

void check_indexed(const JsonObject& spec, const At& at, Errors& errors) {
  const Json* completions = get(spec, "completions");
  if (completions == nullptr) errors.required(at, "completions", "when completion mode is Indexed");
  const int64_t parallel = get_number(spec, "parallelism"), failed = get_number(spec, "maxFailedIndexes");
  if (parallel > kMostParallel) {
    errors.invalid(at, "parallelism", parallel, at_most(kMostParallel) + " when completion mode is Indexed");
  }
  if (completions != nullptr && failed > get_number(spec, "completions")) {
    errors.invalid(at, "maxFailedIndexes", failed, "must be less than or equal to completions");
  }
  if (failed > kMostFailedIndexes) errors.invalid(at, "maxFailedIndexes", failed, at_most(kMostFailedIndexes));
  check_many(spec, at, errors);
}

void check_job_numbers(const JsonObject& spec, const At& at, Errors& errors) {
  if (get(spec, "maxFailedIndexes") != nullptr && get(spec, "backoffLimitPerIndex") == nullptr) {
    errors.required(at, "backoffLimitPerIndex", "when maxFailedIndexes is specified");
  }
  check_manager(spec, at, errors);
  if (is_indexed(spec)) return check_indexed(spec, at, errors);
  const std::string_view mode = get_text(spec, "completionMode");
  if (!mode.empty() && mode != "NonIndexed") return;
  for (std::string_view key : {"backoffLimitPerIndex", "maxFailedIndexes"}) {
    if (const Json* value = get(spec, key)) errors.invalid(at, key, *value, "requires indexed completion mode");
  }
}

void check_replacement(const JsonObject& spec, const At& at, Errors& errors) {
  if (get(spec, "podReplacementPolicy") == nullptr) return;
  const std::string_view policy = get_text(spec, "podReplacementPolicy");
  if (get(spec, "podFailurePolicy") != nullptr) {
    if (policy != "Failed") errors.not_supported(at, "podReplacementPolicy", policy, {"Failed"});
  } else if (policy != "Failed" && policy != "TerminatingOrFailed") {
    errors.not_supported(at, "podReplacementPolicy", policy, {"Failed", "TerminatingOrFailed"});
  }
}

void check_job_restarts(const JsonObject& spec, const At& at, Errors& errors) {
  const std::string_view policy = get_text(object_at(object_at(spec, "template"), "spec"), "restartPolicy");
  At here = at.child("template");
  At there = here.child("spec");
  if (policy.empty() || policy == "Always") {
    errors.required(there, "restartPolicy", "valid values: \"OnFailure\", \"Never\"");
  } else if (policy != "OnFailure" && policy != "Never") {
    errors.not_supported(there, "restartPolicy", policy, {"OnFailure", "Never"});
  } else if (get(spec, "podFailurePolicy") != nullptr && policy != "Never") {
    errors.invalid(there, "restartPolicy", Json(policy),
                   "only \"Never\" is supported when podFailurePolicy is specified");
  }
}

}  // namespace

bool is_indexed(const JsonObject& spec) { return get_text(spec, "completionMode") == "Indexed"; }

bool has_job_condition(const JsonObject& job, std::string_view type) {
  bool found = false;
  each(object_at(job, "status"), "conditions", [&](const JsonObject& condition) {
    found = found || (get_text(condition, "type") == type && get_text(condition, "status") == "True");
  });
  return found;
}

void check_job_spec(const JsonObject& spec, const At& at, Errors& errors) {
  check_job_numbers(spec, at, errors);
  check_job_policies(spec, at, errors);
  check_replacement(spec, at, errors);
  const JsonObject* pod_template = get_object(spec, "template");
  if (pod_template != nullptr) check_pod_template(*pod_template, at.child("template"), errors);
  check_job_restarts(spec, at, errors);
}

}  // namespace gantry::kinds
