// The controller of @CLASS@, a kind of this plugin's own: it says in the status what the spec wants said.
#include <string>

#include "gantry/conditions.hpp"
#include "gantry/controller.hpp"
#include "@NAME@.kinds.hpp"

namespace {

using namespace gantry;
using @LOWER@::v1::@CLASS@;

class @CLASS@Controller : public sdk::Controller {
 public:
  using Controller::Controller;

  gantry::abi::ControllerSpec spec() const override { return watching<@CLASS@>("@NAME@"); }

  // Looks at one object and does what is missing; it may run again at any time.
  Expected<Result> reconcile(const Key& key) override {
    const auto object = host().cached<@CLASS@>(key.ns, key.name);
    if (!object || object->metadata().has_deletion_timestamp()) return Result{};
    auto next = *object;
    auto& status = *next.mutable_status();
    std::string said;
    for (int i = 0; i < object->spec().times(); ++i) said += (i == 0 ? "" : " ") + object->spec().text();
    bool changed = status.said() != said || status.observed_generation() != object->metadata().generation();
    status.set_said(said);
    status.set_observed_generation(object->metadata().generation());
    metav1::Condition ready;
    ready.set_type("Ready");
    ready.set_status("True");
    ready.set_reason("Said");
    ready.set_message("said " + std::to_string(object->spec().times()) + " times");
    ready.set_observed_generation(object->metadata().generation());
    changed |= sdk::set_condition(*status.mutable_conditions(), std::move(ready), host().now_unix_ns());
    if (!changed) return Result{};
    const auto written = host().update(next, "status");
    if (!written) return written.error();
    return Result{};
  }
};

}  // namespace

GANTRY_CONTROLLER_WITH_KINDS(@CLASS@Controller, gantry::kinds::@FILE@, "@NAME@", "0.1.0", "me", "Says what a @CLASS@ wants said");
