// Owns the rules of a job's status: counts, how it ends, and what never goes back. What is wrong already and stays as
// it is, is not judged again. Pure functions, any thread.
#include <set>

#include "core/kinds/parts/job_indexes.hpp"
#include "core/kinds/parts/job_rules.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds {
namespace {

constexpr std::string_view kConditions = "conditions";

// A status and the one before it.
struct Change {
  const JsonObject& job;
  const JsonObject& old;
  const JsonObject& spec = object_at(job, "spec");
  const JsonObject& now = object_at(job, "status");
  const JsonObject& before = object_at(old, "status");

  bool is(std::string_view condition) const { return has_job_condition(job, condition); }
  bool was(std::string_view condition) const { return has_job_condition(old, condition); }
  bool turned(std::string_view condition) const { return is(condition) != was(condition); }
  bool is_finished() const { return is("Complete") || is("Failed"); }
  bool finishes() const { return is_finished() != (was("Complete") || was("Failed")); }
  bool changes(std::string_view key) const {
    const Json* left = get(now, key);
    const Json* right = get(before, key);
    return left == nullptr || right == nullptr ? left != right : !same_json(*left, *right);
  }
};

void check_uncounted(const JsonObject& status, const At& at, Errors& errors) {
  const JsonObject& uncounted = object_at(status, "uncountedTerminatedPods");
  At here = at.child("uncountedTerminatedPods");
  std::set<std::string_view> seen;
  for (std::string_view list : {"succeeded", "failed"}) {
    const JsonArray* uids = get_array(uncounted, list);
    for (size_t i = 0; uids != nullptr && i < uids->size(); ++i) {
      const auto* uid = (*uids)[i].if_string();
      if (uid == nullptr) continue;
      At there = here.child(list, i);
      if (uid->empty()) {
        errors.invalid(there, "", "", "must not be empty");
      } else if (!seen.insert(*uid).second) {
        errors.duplicate(there, "", (*uids)[i]);
      }
    }
  }
}

void check_conditions_fit(const Change& change, const At& at, Errors& errors) {
  const auto both = [&](std::string_view one, std::string_view other, std::string_view words) {
    if ((change.turned(one) || change.turned(other)) && change.is(one) && change.is(other)) {
      errors.invalid(at, kConditions, words);
    }
  };
  const auto without = [&](std::string_view one, std::string_view other, std::string_view words) {
    if ((change.turned(one) || change.turned(other)) && change.is(one) && !change.is(other)) {
      errors.invalid(at, kConditions, words);
    }
  };
  both("Complete", "Failed", "cannot set Complete=True and Failed=true conditions");
  both("Complete", "FailureTarget", "cannot set Complete=True and FailureTarget=true conditions");
  without("Failed", "FailureTarget", "cannot set Failed=True condition without the FailureTarget=true condition");
  without("Complete", "SuccessCriteriaMet",
          "cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
  both("SuccessCriteriaMet", "Failed", "cannot set SuccessCriteriaMet=True and Failed=true conditions");
  both("SuccessCriteriaMet", "FailureTarget", "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions");
}

void check_times(const Change& change, const At& at, Errors& errors) {
  const Json* completion = get(change.now, "completionTime");
  const bool ended = change.changes("completionTime"), started = change.changes("startTime");
  if (ended || change.turned("Complete")) {
    if (completion != nullptr && !change.is("Complete")) {
      errors.invalid(at, "completionTime", *completion,
                     "cannot set completionTime when there is no Complete=True condition");
    } else if (completion == nullptr && change.is("Complete")) {
      errors.required(at, "completionTime", "completionTime is required for Complete jobs");
    }
  }
  const std::string_view start = get_text(change.now, "startTime");
  if ((started || ended) && !start.empty() && completion != nullptr &&
      get_text(change.now, "completionTime") < start) {  // of one form, so that texts compare as times
    errors.invalid(at, "completionTime", *completion, "must be equal to or after `startTime`");
  }
  if ((started || change.finishes()) && start.empty() && change.is_finished()) {
    errors.required(at, "startTime", "startTime is required for finished job");
  }
  if (ended && completion != nullptr && get(change.before, "completionTime") != nullptr) {
    errors.invalid(at, "completionTime", *completion, "field is immutable");
  }
  // A job that goes on begins anew.
  const bool resumes = change.was("Suspended") && !change.is("Suspended");
  if (started && get(change.before, "startTime") != nullptr && !get_flag(change.spec, "suspend") && !resumes) {
    const Json* now = get(change.now, "startTime");
    errors.invalid(at, "startTime", now == nullptr ? Json() : *now, "field is immutable for unsuspended job once set");
  }
}

// Of a job that has ended, and of one whose numbers change.
void check_numbers_fit(const Change& change, const At& at, Errors& errors) {
  const JsonObject& status = change.now;
  const int64_t active = get_number(status, "active"), terminating = get_number(status, "terminating");
  if (change.is_finished()) {
    if (change.finishes() && active > 0) {
      errors.invalid(at, "active", active, "active>0 is invalid for finished job");
    }
    const JsonObject& uncounted = object_at(status, "uncountedTerminatedPods");
    if ((change.finishes() || change.changes("uncountedTerminatedPods")) &&
        (has_items(uncounted, "succeeded") || has_items(uncounted, "failed"))) {
      errors.invalid(at, "uncountedTerminatedPods", uncounted, "must be empty for finished job");
    }
    if ((change.finishes() || change.changes("terminating")) && terminating > 0) {
      errors.invalid(at, "terminating", terminating, "terminating>0 is invalid for finished job");
    }
  }
  const int64_t ready = get_number(status, "ready");
  if (change.changes("ready") && ready > active) {
    errors.invalid(at, "ready", ready, "cannot set more ready pods than active");
  }
}

void check_list(const Change& change, std::string_view key, const At& at, Errors& errors) {
  const auto counted = count_indexes(get_text(change.now, key), get_number(change.spec, "completions"));
  if (counted) return;
  errors.invalid(at, key, Json(get_text(change.now, key)),
                 "error parsing " + std::string(key) + ": " + counted.error().message());
}

void check_index_lists(const Change& change, const At& at, Errors& errors) {
  const bool counts = get(change.spec, "completions") != nullptr;
  const bool per_index = get(change.spec, "backoffLimitPerIndex") != nullptr;
  const std::string_view completed = get_text(change.now, "completedIndexes");
  const std::string_view failed = get_text(change.now, "failedIndexes");
  const Json* list = get(change.now, "failedIndexes");
  const bool completes = change.changes("completedIndexes"), fails = change.changes("failedIndexes");
  if (completes && counts) check_list(change, "completedIndexes", at, errors);
  if (fails && counts && per_index && list != nullptr) check_list(change, "failedIndexes", at, errors);
  if (completes && !completed.empty() && !is_indexed(change.spec)) {
    errors.invalid(at, "completedIndexes", Json(completed),
                   "cannot set non-empty completedIndexes when non-indexed completion mode");
  }
  if (fails && !per_index && list != nullptr) {
    errors.invalid(at, "failedIndexes", *list, "cannot set non-null failedIndexes when backoffLimitPerIndex is null");
  }
  if (!(completes || fails) || !counts || list == nullptr) return;
  if (const auto common = common_index(completed, failed, get_number(change.spec, "completions"))) {
    errors.invalid(at, "failedIndexes", *list,
                   "failedIndexes and completedIndexes overlap at index: " + std::to_string(*common));
  }
}

void check_goes_on(const Change& change, const At& at, Errors& errors) {
  for (std::string_view type : {"Failed", "Complete", "FailureTarget"}) {
    if (change.was(type) && !change.is(type)) {
      errors.invalid(at, kConditions, "cannot disable the terminal " + std::string(type) + "=True condition");
    }
  }
  const auto decreased = [&](std::string_view key) {
    const int64_t number = get_number(change.now, key);
    if (number >= get_number(change.before, key)) return;
    errors.invalid(at, key, number, "cannot decrease the " + std::string(key) + " counter");
  };
  decreased("failed");
  // An Indexed job can shrink.
  const Json* completions = get(change.spec, "completions");
  const Json* parallelism = get(change.spec, "parallelism");
  const bool alike = completions == nullptr || parallelism == nullptr ? completions == parallelism
                                                                      : same_json(*completions, *parallelism);
  if (!is_indexed(change.spec) || !alike) decreased("succeeded");
  if (change.was("SuccessCriteriaMet") && !change.is("SuccessCriteriaMet")) {
    errors.invalid(at, kConditions, "cannot disable the SuccessCriteriaMet=True condition");
  }
  if (change.was("Complete") && change.is("SuccessCriteriaMet") && !change.was("SuccessCriteriaMet")) {
    errors.invalid(at, kConditions, "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions");
  }
}

}  // namespace

void check_job_status(const JsonObject& job, const JsonObject& old, Errors& errors) {
  const Change change{job, old};
  At root;
  At at = root.child("status");
  check_not_negative(change.now, {"active", "succeeded", "failed", "ready", "terminating"}, at, errors);
  check_uncounted(change.now, at, errors);
  check_conditions_fit(change, at, errors);
  check_times(change, at, errors);
  check_numbers_fit(change, at, errors);
  check_index_lists(change, at, errors);
  check_goes_on(change, at, errors);
}

}  // namespace gantry::kinds
