// Priority: the number behind a priority class's name, or behind the class that is meant where none is named, and
// whether its pods may push others out. The two classes that every cluster has are known also where their objects are
// not. There is one such default.
#include <algorithm>

#include "core/admission/chain.hpp"
#include "core/admission/classes.hpp"
#include "core/admission/step.hpp"
#include "core/schema/values/json_access.hpp"

namespace gantry::admission {
namespace {

using boost::json::object;
using schema::get_number;
using schema::get_text;

constexpr std::string_view kGroup = "scheduling.k8s.io", kClasses = "priorityclasses";

// What a class gives its pods.
struct Importance {
  std::string name;
  int64_t priority = 0;
  std::string preemption = "PreemptLowerPriority";
};

Importance importance_of(const object& priority_class) {
  Importance out{std::string(name_of(priority_class)), get_number(priority_class, "value")};
  if (const auto policy = get_text(priority_class, "preemptionPolicy"); !policy.empty()) out.preemption = policy;
  return out;
}

// Of several, which only a race can make, the lowest.
std::optional<object> default_priority_class(const WriteRequest& request) {
  auto all = default_classes(request, kGroup, kClasses);
  const auto lowest = std::min_element(all.begin(), all.end(), [](const object& a, const object& b) {
    return get_number(a, "value") < get_number(b, "value");
  });
  return lowest == all.end() ? std::nullopt : std::optional(std::move(*lowest));
}

Expected<Importance> importance_for(const WriteRequest& request, std::string_view name) {
  if (name == "system-node-critical") return Importance{std::string(name), 2'000'001'000};
  if (name == "system-cluster-critical") return Importance{std::string(name), 2'000'000'000};
  const auto found = name.empty() ? default_priority_class(request) : find_class(request, kGroup, kClasses, name);
  if (found) return importance_of(*found);
  if (name.empty()) return Importance{};
  return refused(request, "no PriorityClass with name " + std::string(name) + " was found");
}

class Priority final : public Step {
 public:
  std::string_view name() const override { return "Priority"; }
  bool handles(const WriteRequest& request) const override {
    const bool writes = request.operation == Operation::kCreate || request.operation == Operation::kUpdate;
    return writes && (request.is_about("", "pods") || request.is_about(kGroup, kClasses));
  }
  Answer mutate(WriteRequest& request, Pause&) const override {
    if (!request.is_about("", "pods") || !request.object->is_object()) return kPass;
    auto* spec = schema::get_object(request.object->get_object(), "spec");
    if (spec == nullptr) return kPass;
    if (request.operation == Operation::kCreate) return set(request, *spec);
    keep(request, *spec);
    return kPass;
  }
  Answer validate(const WriteRequest& request, Pause&) const override {
    if (!request.is_about(kGroup, kClasses)) return kPass;
    const auto is_default = request.kind->behavior->is_default;
    if (is_default == nullptr || !request.object->is_object() || !is_default(request.object->get_object())) {
      return kPass;
    }
    const auto other = default_priority_class(request);
    if (!other || (request.operation == Operation::kUpdate && name_of(*other) == request.name)) return kPass;
    return refused(request, "PriorityClass " + std::string(name_of(*other)) +
                                " is already marked as default. Only one default can exist");
  }

 private:
  // Who leaves out what this step once put in, means it.
  static void keep(const WriteRequest& request, object& spec) {
    if (request.old == nullptr || !request.old->is_object()) return;
    const auto& before = schema::object_at(request.old->get_object(), "spec");
    for (const std::string_view key : {"priority", "preemptionPolicy"}) {
      if (schema::get(spec, key) == nullptr) schema::take_key(spec, before, key);
    }
  }

  static Status set(const WriteRequest& request, object& spec) {
    auto found = importance_for(request, get_text(spec, "priorityClassName"));
    if (!found) return found.error();
    const auto& [name, priority, preemption] = *found;
    if (!name.empty()) spec["priorityClassName"] = name;
    if (schema::get(spec, "priority") != nullptr && get_number(spec, "priority", priority + 1) != priority) {
      return refused(request, "the integer value of priority (" + std::to_string(get_number(spec, "priority")) +
                                  ") must not be provided in pod spec; priority admission controller computed " +
                                  std::to_string(priority) + " from the given PriorityClass name");
    }
    spec["priority"] = priority;
    const auto policy = get_text(spec, "preemptionPolicy");
    if (!policy.empty() && policy != preemption) {
      return refused(request, "the string value of PreemptionPolicy (" + std::string(policy) +
                                  ") must not be provided in pod spec; priority admission controller computed " +
                                  preemption + " from the given PriorityClass name");
    }
    spec["preemptionPolicy"] = preemption;
    return {};
  }
};

}  // namespace

StepPtr priority() { return std::make_shared<Priority>(); }

}  // namespace gantry::admission
