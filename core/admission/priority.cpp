// Priority: the number behind a priority class's name. Of the classes there are the two that every cluster has.
#include "core/admission/chain.hpp"
#include "core/admission/pod.hpp"

namespace gantry::admission {
namespace {

class Priority final : public NewPodStep {
 public:
  std::string_view name() const override { return "Priority"; }

 private:
  Status change(const WriteRequest& request, boost::json::object& spec) const override {
    const auto name = schema::get_text(spec, "priorityClassName");
    int64_t priority = 0;
    if (name == "system-node-critical") {
      priority = 2'000'001'000;
    } else if (name == "system-cluster-critical") {
      priority = 2'000'000'000;
    } else if (!name.empty()) {
      return refused(request, "no PriorityClass with name " + std::string(name) + " was found");
    }
    const auto* given = spec.if_contains("priority");
    if (given != nullptr && (!given->is_int64() || given->get_int64() != priority) &&
        !(given->is_uint64() && given->get_uint64() == static_cast<uint64_t>(priority))) {
      return refused(request,
                     "the integer value of priority must not be provided in pod spec; priority admission controller "
                     "computed " +
                         std::to_string(priority) + " from the given PriorityClass name");
    }
    spec["priority"] = priority;
    if (!spec.contains("preemptionPolicy")) spec["preemptionPolicy"] = "PreemptLowerPriority";
    return {};
  }
};

}  // namespace

StepPtr priority() { return std::make_shared<Priority>(); }

}  // namespace gantry::admission
