// For tests of Jobs: patches of one that is good, as the server has it after its creation.
#pragma once

#include "core/kinds/kinds_testing.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds::job_testing {

inline constexpr std::string_view kJob = R"({"metadata":{"name":"j","namespace":"default","uid":"u1"},"spec":{
  "template":{"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"i:1"}]}}}})";

inline const Kind& jobs() { return kind("batch", "Job"); }
inline Json job(std::string_view patch) {
  Json out = made(jobs(), kJob, patch);
  jobs().behavior->create(out.as_object());
  return out;
}
inline Problems of_new(std::string_view patch) { return lines(validate(jobs(), job(patch))); }

}  // namespace gantry::kinds::job_testing
