// The rules of Jobs, and of what a CronJob makes them from. Pure functions, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// A job's spec but for its selector; `at` is the spec.
void check_job_spec(const JsonObject& spec, const At& at, Errors& errors);
// What is told of one, with its template.
void warn_job_spec(const JsonObject& spec, const At& at, Warnings& warnings);
// podFailurePolicy and successPolicy of a spec at `at`.
void check_job_policies(const JsonObject& spec, const At& at, Errors& errors);
// A status that an update changes.
void check_job_status(const JsonObject& job, const JsonObject& old, Errors& errors);
bool is_indexed(const JsonObject& spec);
// Whether a condition of this type is True.
bool has_job_condition(const JsonObject& job, std::string_view type);

}  // namespace gantry::kinds
