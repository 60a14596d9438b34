// Config maps of the namespace "default" with the label "mirror" exist in every namespace, with the same data.
#include <map>

#include "gantry/controller.hpp"
#include "k8s.io/api/core/v1/config.pb.h"
#include "k8s.io/api/core/v1/namespace.pb.h"

namespace {

using namespace gantry;

class ConfigMirror : public sdk::Controller {
 public:
  using Controller::Controller;

  gantry::abi::ControllerSpec spec() const override {
    auto spec = watching<corev1::ConfigMap>("config-mirror");
    spec.mutable_watches(0)->set_mapping(gantry::abi::WatchSpec::CUSTOM);
    watch<corev1::Namespace>(spec, gantry::abi::WatchSpec::CUSTOM);
    return spec;
  }

  // A key is a config map's name, whichever namespace the event came from. A new namespace concerns all of them.
  void map(const gantry::abi::ObjectEvent& event, const Emit& emit) override {
    corev1::ConfigMap object;
    if (event.resource() == "configmaps" && object.ParseFromString(event.object()))
      return emit("", object.metadata().name());
    if (const auto sources = host().cached_list<corev1::ConfigMap>("default", "mirror")) {
      for (const auto& source : *sources) emit("", source.metadata().name());
    }
  }

  Expected<Result> reconcile(const Key& key) override {
    auto source = host().cached<corev1::ConfigMap>("default", key.name);
    if (source && !source->metadata().labels().contains("mirror")) source.reset();
    const auto namespaces = host().cached_list<corev1::Namespace>("");
    if (!namespaces) return namespaces.error();
    for (const auto& ns : *namespaces) {
      if (ns.metadata().name() == "default" || ns.metadata().has_deletion_timestamp()) continue;
      if (auto done = mirror(ns.metadata().name(), key.name, source); !done.ok()) return done;
    }
    return Result{};
  }

 private:
  Status mirror(const std::string& ns, const std::string& name, const std::optional<corev1::ConfigMap>& source) {
    auto copy = host().cached<corev1::ConfigMap>(ns, name);
    if (copy && !copy->metadata().annotations().contains("mirrored-from")) return {};  // somebody else's
    if (!source) return copy ? host().remove<corev1::ConfigMap>(ns, name) : Status();
    const auto sorted = [](const auto& data) { return std::map<std::string, std::string>(data.begin(), data.end()); };
    if (copy && sorted(copy->data()) == sorted(source->data())) return {};
    auto next = copy.value_or(corev1::ConfigMap());
    next.mutable_metadata()->set_name(name);
    (*next.mutable_metadata()->mutable_annotations())["mirrored-from"] = "default";
    *next.mutable_data() = source->data();
    auto written = copy ? host().update(next) : host().create(ns, next);
    return written ? Status() : std::move(written).error();
  }
};

}  // namespace

GANTRY_CONTROLLER(ConfigMirror, "config-mirror", "1.0.0", "Gantry's examples",
                  "Copies config maps into every namespace");
