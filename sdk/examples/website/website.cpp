// A kind of the plugin's own, and its controller: the pages of every Website are in a config map that belongs to it.
#include "gantry/controller.hpp"
#include "gantry/ownership.hpp"
#include "gantry/times.hpp"
#include "k8s.io/api/core/v1/config.pb.h"
#include "website.kinds.hpp"

namespace {

using namespace gantry;
using demo::v1::Website;
using demo::v1::WebsiteStatus;

constexpr std::string_view kApiVersion = "demo.gantry.dev/v1";

class WebsiteController : public sdk::Controller {
 public:
  using Controller::Controller;

  gantry::abi::ControllerSpec spec() const override {
    auto spec = watching<Website>("website");
    // A config map that somebody changes or deletes is written again.
    owned<corev1::ConfigMap>(spec, "demo.gantry.dev", "Website");
    spec.set_wait_own_writes(true);
    return spec;
  }

  Expected<Result> reconcile(const Key& key) override {
    const auto site = host().cached<Website>(key.ns, key.name);
    // The garbage collector takes the config map of one that is gone.
    if (!site || site->metadata().has_deletion_timestamp()) return Result{};
    auto published = publish(*site);
    if (!published) return published.error();
    auto next = *site;
    *next.mutable_status() = status_of(*site, *published);
    if (next.status().SerializeAsString() == site->status().SerializeAsString()) return Result{};
    auto written = host().update(next, "status");
    if (!written) return written.error();
    return Result{};
  }

 private:
  static std::string page(const Website& site, const std::string& name, const std::string& text) {
    const auto& spec = site.spec();
    return "<!doctype html>\n<title>" + spec.title() + " - " + name + "</title>\n<body class=\"" + spec.theme() +
           "\" style=\"max-width:" + std::to_string(spec.width()) + "ch\">\n<h1>" + spec.title() + "</h1>\n" + text +
           "\n";
  }

  // Whether the config map had to be written.
  Expected<bool> publish(const Website& site) const {
    const auto& meta = site.metadata();
    auto current = host().cached<corev1::ConfigMap>(meta.namespace_(), meta.name() + "-pages");
    auto next = current.value_or(corev1::ConfigMap());
    next.mutable_metadata()->set_name(meta.name() + "-pages");
    next.clear_data();
    for (const auto& [name, text] : site.spec().pages()) {
      (*next.mutable_data())[name + ".html"] = page(site, name, text);
    }
    if (!current) {
      *next.mutable_metadata()->add_owner_references() = sdk::controller_reference(meta, kApiVersion, "Website");
      auto created = host().create(meta.namespace_(), next);
      if (!created) return created.error();
      host().event(site, kApiVersion, "Website", "Normal", "Published", "Put the pages into " + meta.name() + "-pages");
      return true;
    }
    const auto* owner = sdk::controller_of(current->metadata());
    if (owner == nullptr || owner->uid() != meta.uid()) {
      return Status::conflict("the config map " + meta.name() + "-pages is somebody else's");
    }
    const auto sorted = [](const auto& data) { return std::map<std::string, std::string>(data.begin(), data.end()); };
    if (sorted(next.data()) == sorted(current->data())) return false;
    auto written = host().update(next);
    if (!written) return written.error();
    return true;
  }

  WebsiteStatus status_of(const Website& site, bool published) const {
    auto status = site.status();
    const int pages = static_cast<int>(site.spec().pages().size());
    status.set_state(pages > 0 ? "Published" : "Empty");
    status.set_pages(pages);
    status.set_config_map(site.metadata().name() + "-pages");
    status.set_observed_generation(site.metadata().generation());
    if (published) *status.mutable_last_publish_time() = to_time(host().now_unix_ns());
    auto& ready = status.conditions().empty() ? *status.add_conditions() : *status.mutable_conditions(0);
    const std::string wanted = pages > 0 ? "True" : "False";
    if (ready.status() != wanted) *ready.mutable_last_transition_time() = to_time(host().now_unix_ns());
    ready.set_type("Ready");
    ready.set_status(wanted);
    ready.set_reason(pages > 0 ? "PagesPublished" : "NoPages");
    ready.set_message(std::to_string(pages) + " pages in " + status.config_map());
    ready.set_observed_generation(site.metadata().generation());
    return status;
  }
};

}  // namespace

GANTRY_CONTROLLER_WITH_KINDS(WebsiteController, gantry::kinds::website, "website", "1.0.0", "Gantry's examples",
                             "Publishes websites in config maps");
