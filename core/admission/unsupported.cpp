// Says what a pod asks for that this server takes and its scheduler does not do yet: pod affinity and anti-affinity,
// spread constraints, of pods and of whatever makes pods from a template; and which kinds nothing acts on.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "core/admission/chain.hpp"
#include "core/schema/values/same_json.hpp"

namespace gantry::admission {
namespace {

using boost::json::object;

const object* object_in(const object* in, std::string_view key) {
  const auto* value = in == nullptr ? nullptr : in->if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

const boost::json::array* array_in(const object* in, std::string_view key) {
  const auto* value = in == nullptr ? nullptr : in->if_contains(key);
  return value == nullptr ? nullptr : value->if_array();
}

bool has_text(const object* in, std::string_view key, std::string_view text) {
  const auto* value = in == nullptr ? nullptr : in->if_contains(key);
  return value != nullptr && value->is_string() && std::string_view(value->get_string()) == text;
}

bool any(const object* in, std::string_view key) {
  const auto* list = array_in(in, key);
  return list != nullptr && !list->empty();
}

// The pod's specification in a pod or in what makes pods from a template, and its path.
const object* find_spec(const schema::Json& document, std::string& path) {
  const auto* root = document.if_object();
  const auto* spec = object_in(root, "spec");
  const auto* template_in_spec = object_in(object_in(spec, "template"), "spec");
  const auto* template_alone = object_in(object_in(root, "template"), "spec");
  for (const auto& [found, where] : {std::pair{spec, "spec"}, std::pair{template_in_spec, "spec.template.spec"},
                                     std::pair{template_alone, "template.spec"}}) {
    if (array_in(found, "containers") == nullptr) continue;
    path = where;
    return found;
  }
  return nullptr;
}

constexpr std::string_view kRequired = "requiredDuringSchedulingIgnoredDuringExecution";
constexpr std::string_view kPreferred = "preferredDuringSchedulingIgnoredDuringExecution";

void warn(const schema::Json& document, std::vector<std::string>& warnings) {
  std::string path;
  const auto* spec = find_spec(document, path);
  if (spec == nullptr) return;
  // Another scheduler may do it, and who names the node asks none.
  const auto* node = spec->if_contains("nodeName");
  if (node != nullptr && node->is_string() && !node->get_string().empty()) return;
  if (spec->contains("schedulerName") && !has_text(spec, "schedulerName", "default-scheduler")) return;
  const auto add = [&](const std::string& field, bool must) {
    warnings.push_back(path + "." + field + ": this scheduler does not support it yet; " +
                       (must ? "the pod will not be scheduled" : "it is ignored"));
  };
  const auto* affinity = object_in(spec, "affinity");
  for (const std::string kind : {"podAffinity", "podAntiAffinity"}) {
    const auto* terms = object_in(affinity, kind);
    if (any(terms, kRequired)) add("affinity." + kind + "." + std::string(kRequired), true);
    if (any(terms, kPreferred)) add("affinity." + kind + "." + std::string(kPreferred), false);
  }
  const auto* constraints = array_in(spec, "topologySpreadConstraints");
  for (size_t i = 0; constraints != nullptr && i < constraints->size(); ++i) {
    const bool soft = has_text((*constraints)[i].if_object(), "whenUnsatisfiable", "ScheduleAnyway");
    add("topologySpreadConstraints[" + std::to_string(i) + "]", !soft);
  }
}

class Unsupported final : public Step {
 public:
  std::string_view name() const override { return "Unsupported"; }
  bool handles(const WriteRequest& request) const override {
    return request.subresource.empty() && request.object != nullptr;
  }
  Answer validate(const WriteRequest& request, Pause&) const override {
    if (!request.kind->warning.empty()) request.warnings->push_back(request.kind->warning);
    std::vector<std::string> found;  // mostly nothing, and then nothing is compared
    warn(*request.object, found);
    // A template that stays as it was has been spoken about.
    if (found.empty() || (request.old != nullptr && !changes_spec(*request.object, *request.old))) return kPass;
    request.warnings->insert(request.warnings->end(), found.begin(), found.end());
    return kPass;
  }

 private:
  static bool changes_spec(const schema::Json& now, const schema::Json& before) {
    for (const std::string_view key : {"spec", "template"}) {
      const auto* one = now.is_object() ? now.get_object().if_contains(key) : nullptr;
      const auto* other = before.is_object() ? before.get_object().if_contains(key) : nullptr;
      if ((one == nullptr) != (other == nullptr)) return true;
      if (one != nullptr && !schema::same_json(*one, *other)) return true;
    }
    return false;
  }
};

}  // namespace

StepPtr unsupported() { return std::make_shared<Unsupported>(); }

}  // namespace gantry::admission
