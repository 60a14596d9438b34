// The conditions of a namespace that is being emptied: what a pass found, as Kubernetes words it. Pure, any thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "gantry/host.hpp"
#include "k8s.io/api/core/v1/namespace.pb.h"

namespace gantry::namespaces {

// What one pass over a namespace's content found.
struct Pass {
  std::vector<std::string> discovery_errors;
  std::vector<std::string> version_errors;
  std::vector<std::string> delete_errors;
  std::map<std::string, int64_t> remaining;   // "pods." or "deployments.apps" to how many
  std::map<std::string, int64_t> finalizers;  // to how many objects they hold
  int64_t wait_seconds = 0;                   // how long what remains may take; 0: nothing known

  bool failed() const { return !discovery_errors.empty() || !version_errors.empty() || !delete_errors.empty(); }
  bool empty() const { return !failed() && remaining.empty(); }
};

// Sets the five conditions; true when something other than times changed.
bool set_conditions(corev1::NamespaceStatus& status, const Pass& pass, int64_t now_unix_ns);

}  // namespace gantry::namespaces
