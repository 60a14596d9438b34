// RuntimeClass: a pod costs what its class says beside its containers, and goes where its class says.
#include <algorithm>

#include "core/admission/chain.hpp"
#include "core/admission/classes.hpp"
#include "core/admission/pod.hpp"
#include "core/admission/tolerations.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::admission {
namespace {

using boost::json::array;
using boost::json::object;
using schema::get_text;

bool same_amounts(const object& a, const object& b) {
  if (a.size() != b.size()) return false;
  return std::all_of(a.begin(), a.end(), [&](const auto& entry) {
    const auto one = schema::Quantity::parse(get_text(a, entry.key()));
    const auto other = schema::Quantity::parse(get_text(b, entry.key()));
    return b.contains(entry.key()) && one && other && one->compare(*other) == 0;
  });
}

class RuntimeClass final : public NewPodStep {
 public:
  std::string_view name() const override { return "RuntimeClass"; }
  Answer validate(const WriteRequest& request, Pause&) const override {
    const auto* document = request.object->if_object();
    if (document == nullptr) return kPass;
    const auto& spec = schema::object_at(*document, "spec");
    auto found = class_for(request, spec);
    if (!found) return found.error();
    const auto* cost = schema::get_object(spec, "overhead");
    if (const auto* fixed = overhead_of(*found)) {
      return cost != nullptr && same_amounts(*cost, *fixed) ? Status() : refused(request, kOther);
    }
    if (cost == nullptr) return kPass;
    return refused(request, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead");
  }

 private:
  static constexpr std::string_view kOther =
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";

  Status change(const WriteRequest& request, object& spec) const override {
    auto found = class_for(request, spec);
    if (!found) return found.error();
    if (const auto* fixed = overhead_of(*found)) {
      const auto* given = schema::get_object(spec, "overhead");
      if (given != nullptr && !same_amounts(*given, *fixed)) return refused(request, kOther);
      spec["overhead"] = *fixed;
    }
    const auto* scheduling = *found ? schema::get_object(**found, "scheduling") : nullptr;
    return scheduling != nullptr ? send(request, *scheduling, spec) : Status();
  }

  // None: the pod names none.
  static Expected<std::optional<object>> class_for(const WriteRequest& request, const object& spec) {
    if (schema::get(spec, "runtimeClassName") == nullptr) return std::optional<object>();
    const auto name = get_text(spec, "runtimeClassName");
    auto found = find_class(request, "node.k8s.io", "runtimeclasses", name);
    if (found) return found;
    return refused(request, "pod rejected: RuntimeClass \"" + std::string(name) + "\" not found");
  }

  static const object* overhead_of(const std::optional<object>& runtime_class) {
    const auto* overhead = runtime_class ? schema::get_object(*runtime_class, "overhead") : nullptr;
    static const object kNone;
    if (overhead == nullptr) return nullptr;
    const auto* fixed = schema::get_object(*overhead, "podFixed");
    return fixed != nullptr ? fixed : &kNone;
  }

  static Status send(const WriteRequest& request, const object& scheduling, object& spec) {
    if (const auto* labels = schema::get_object(scheduling, "nodeSelector")) {
      auto& selector = schema::ensure_object(spec, "nodeSelector");
      for (const auto& [key, value] : *labels) {
        const auto* own = selector.if_contains(key);
        if (own != nullptr && *own != value) return conflict(request, key, value, *own);
        selector[key] = value;
      }
    }
    array all;
    for (const object* from : {&std::as_const(spec), &scheduling}) {
      if (const auto* list = schema::get_array(*from, "tolerations")) all.insert(all.end(), list->begin(), list->end());
    }
    if (!all.empty()) spec["tolerations"] = merged_tolerations(all);
    return {};
  }

  static Status conflict(const WriteRequest& request, std::string_view key, const schema::Json& of_class,
                         const schema::Json& of_pod) {
    const auto text = [](const schema::Json& value) {
      return value.is_string() ? std::string(value.get_string()) : std::string();
    };
    const std::string label = "nodeSelector[" + std::string(key) + "] = ";
    return refused(
        request, "conflict: runtimeClass.scheduling." + label + text(of_class) + "; pod.spec." + label + text(of_pod));
  }
};

}  // namespace

StepPtr runtime_class() { return std::make_shared<RuntimeClass>(); }

}  // namespace gantry::admission
