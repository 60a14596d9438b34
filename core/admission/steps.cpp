// The built-in steps in the order in which a request passes them, which is upstream's. A step is one file of this
// folder, and its line here.
#include "core/admission/chain.hpp"

#define GANTRY_STEPS(step)                                                                           \
  step(namespace_lifecycle) step(service_account) step(priority) step(default_toleration_seconds)    \
      step(default_storage_class) step(claim_resize) step(runtime_class) step(certificate_requester) \
          step(certificate_subject_restriction) step(default_ingress_class) step(unsupported)

namespace gantry::admission {

#define GANTRY_DECLARE(name) StepPtr name();
GANTRY_STEPS(GANTRY_DECLARE)
#undef GANTRY_DECLARE

std::vector<StepPtr> builtin_steps() {
#define GANTRY_MAKE(name) name(),
  return {GANTRY_STEPS(GANTRY_MAKE)};
#undef GANTRY_MAKE
}

}  // namespace gantry::admission
