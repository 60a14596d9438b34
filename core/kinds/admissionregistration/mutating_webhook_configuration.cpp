// MutatingWebhookConfigurations. Pure functions, any thread.
#include "core/kinds/parts/admission_rules.hpp"

namespace gantry::kinds::admissionregistration_mutating_webhook_configuration {
namespace {

constexpr NamedCell kCells[] = {{"webhooks", webhook_count}};

}  // namespace

constinit const Behavior behavior{.group = "admissionregistration.k8s.io",
                                  .kind = "MutatingWebhookConfiguration",
                                  .validate = check_webhooks,
                                  .cells = kCells,
                                  .unconditional_update = false,
                                  .read_at_once = false};

}  // namespace gantry::kinds::admissionregistration_mutating_webhook_configuration
