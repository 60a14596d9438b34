// Priority: the number behind a priority class's name, and whether its pods may push others out. The two classes that
// every cluster has are known also where their objects are not.
#include <boost/json/parse.hpp>

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
    std::string preemption = "PreemptLowerPriority";
    if (name == "system-node-critical") {
      priority = 2'000'001'000;
    } else if (name == "system-cluster-critical") {
      priority = 2'000'000'000;
    } else if (!name.empty() && !read_class(request, name, priority, preemption)) {
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
    const auto* policy = spec.if_contains("preemptionPolicy");
    if (policy == nullptr || policy->is_null()) {
      spec["preemptionPolicy"] = preemption;
    } else if (schema::get_text(spec, "preemptionPolicy") != preemption) {
      return refused(request, "the string value of PreemptionPolicy (" +
                                  std::string(schema::get_text(spec, "preemptionPolicy")) +
                                  ") must not be provided in pod spec; priority admission controller computed " +
                                  preemption + " from the given PriorityClass name");
    }
    return {};
  }

  static bool read_class(const WriteRequest& request, std::string_view name, int64_t& priority,
                         std::string& preemption) {
    const auto* kind = request.schema->find_resource("scheduling.k8s.io", "v1", "priorityclasses");
    const auto entry = kind == nullptr ? nullptr : request.objects->get(*kind, "", name);
    if (entry == nullptr) return false;
    boost::system::error_code failed;
    const auto document = boost::json::parse(entry->value, failed);
    if (failed || !document.is_object()) return false;
    priority = schema::get_number(document.get_object(), "value");
    if (const auto policy = schema::get_text(document.get_object(), "preemptionPolicy"); !policy.empty()) {
      preemption = policy;
    }
    return true;
  }
};

}  // namespace

StepPtr priority() { return std::make_shared<Priority>(); }

}  // namespace gantry::admission
