// The chain of admission steps that every write passes, and their order (steps.cpp).
//
// Owned by the API server's Environment; immutable. [any-thread]
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/admission/step.hpp"

namespace gantry::admission {

using StepPtr = std::shared_ptr<const Step>;

enum class Stage : uint8_t { kMutate, kValidate };

class Chain {
 public:
  // The built-in steps, then `more`.
  explicit Chain(std::vector<StepPtr> more = {});

  // Calls `done` once, with ok or the first refusal: before run() returns when no step takes its time, else through
  // request.go_on(). The chain must outlive the request.
  using Done = std::function<void(Status)>;
  void run(Stage stage, const WriteRequestPtr& request, Done done) const;

 private:
  class Walk;
  std::vector<StepPtr> steps_;
};

// In their order.
std::vector<StepPtr> builtin_steps();

}  // namespace gantry::admission
