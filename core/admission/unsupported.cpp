// Says of which kinds nothing acts on them, though the server takes them.
#include "core/admission/chain.hpp"

namespace gantry::admission {
namespace {

class Unsupported final : public Step {
 public:
  std::string_view name() const override { return "Unsupported"; }
  bool handles(const WriteRequest& request) const override {
    return request.subresource.empty() && request.object != nullptr;
  }
  Answer validate(const WriteRequest& request, Pause&) const override {
    if (!request.kind->warning.empty()) request.warnings->push_back(request.kind->warning);
    return kPass;
  }
};

}  // namespace

StepPtr unsupported() { return std::make_shared<Unsupported>(); }

}  // namespace gantry::admission
