// Plugins that would end the process that loads them, and one that would not, for trial_test.
#include <cstdlib>
#include <stdexcept>

#include "gantry/controller.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace {

#if defined(FLAVOUR_static_throws)
struct Early {
  Early() { throw std::runtime_error("too early"); }
} early;
#elif defined(FLAVOUR_static_exits)
struct Early {
  Early() { std::exit(3); }
} early;
#endif

class Untried : public gantry::sdk::Controller {
 public:
  using Controller::Controller;
  gantry::abi::ControllerSpec spec() const override { return watching<gantry::corev1::ConfigMap>("untried"); }
  gantry::Expected<Result> reconcile(const Key&) override { return Result{}; }
  gantry::Status configure() override {
#if defined(FLAVOUR_create_exits)
    std::exit(4);
#elif defined(FLAVOUR_create_crashes)
    std::abort();
#elif defined(FLAVOUR_create_hangs)
    for (volatile int turns = 0;;) turns = 1 - turns;
#elif defined(FLAVOUR_create_refuses)
    return gantry::Status::invalid("not today");
#endif
    return {};
  }
};

}  // namespace

GANTRY_CONTROLLER(Untried, "untried", "1.0.0", "tests", "Loaded for the first time");
