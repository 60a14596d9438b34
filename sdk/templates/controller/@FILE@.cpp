// Keeps the annotation @NAME@/entries of every config map equal to the number of its entries.
#include <string>

#include "gantry/controller.hpp"
#include "k8s.io/api/core/v1/config.pb.h"

namespace {

using namespace gantry;

constexpr const char* kAnnotation = "@NAME@/entries";

class @CLASS@ : public sdk::Controller {
 public:
  using Controller::Controller;

  // What is watched: an event about a config map queues the key of that config map.
  gantry::abi::ControllerSpec spec() const override { return watching<corev1::ConfigMap>("@NAME@"); }

  // Looks at one config map and does what is missing. It may run again at any time, so it does nothing when all is well; when it
  // returns an error, it runs again later.
  Expected<Result> reconcile(const Key& key) override {
    const auto object = host().cached<corev1::ConfigMap>(key.ns, key.name);
    if (!object || object->metadata().has_deletion_timestamp()) return Result{};
    const auto entries = std::to_string(object->data().size() + object->binary_data().size());
    const auto& annotations = object->metadata().annotations();
    if (const auto it = annotations.find(kAnnotation); it != annotations.end() && it->second == entries) return Result{};
    const auto patch = std::string(R"({"metadata":{"annotations":{")") + kAnnotation + R"(":")" + entries + R"("}}})";
    const auto patched = host().patch<corev1::ConfigMap>(key.ns, key.name, patch);
    if (!patched) return patched.error();
    host().info(key.ns + "/" + key.name + " has " + entries + " entries");
    return Result{};
  }
};

}  // namespace

GANTRY_CONTROLLER(@CLASS@, "@NAME@", "0.1.0", "me", "Counts the entries of config maps");
