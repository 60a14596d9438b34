// A small cluster for the collector's tests: pods, config maps and namespaces in an API that knows preconditions and
// versions.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "collector.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/discovery.pb.h"
#include "sdk/testkit/scripted_host.hpp"

namespace gantry::garbage_collector {

using Object = metav1::PartialObjectMetadata;

class TestCluster {
 public:
  TestCluster() {
    host.api = [this](const abi::ApiRequest& request) { return serve(request); };
  }

  // An object in the API and in the cache. Its uid is its name.
  Object& add(const std::string& resource, const std::string& ns, const std::string& name,
              const std::vector<std::string>& owners = {}) {
    Object& object = api[{resource, ns, name}];
    auto& meta = *object.mutable_metadata();
    meta.set_namespace_(ns);
    meta.set_name(name);
    meta.set_uid("uid-" + name);
    meta.set_resource_version("1");
    for (const auto& owner : owners) add_owner(object, owner);
    cache(resource, object);
    return object;
  }
  static metav1::OwnerReference& add_owner(Object& object, const std::string& name, bool blocks = true,
                                           const std::string& kind = "ConfigMap") {
    auto& owner = *object.mutable_metadata()->add_owner_references();
    owner.set_api_version("v1");
    owner.set_kind(kind);
    owner.set_name(name);
    owner.set_uid("uid-" + name);
    owner.set_controller(true);
    owner.set_block_owner_deletion(blocks);
    return owner;
  }
  void cache(const std::string& resource, const Object& object) { host.cache_as("", resource, object); }
  void terminate(const std::string& resource, Object& object, const std::string& finalizer) {
    object.mutable_metadata()->mutable_deletion_timestamp()->set_seconds(1);
    object.mutable_metadata()->add_finalizers(finalizer);
    cache(resource, object);
  }
  void forget(const std::string& resource, const std::string& ns, const std::string& name) {
    api.erase({resource, ns, name});
    host.uncache("", resource, ns, name);
  }

  Status look(const std::string& resource, const std::string& ns, const std::string& name) {
    return run(ns, "object||v1|" + resource + "|" + name);
  }
  Status run(const std::string& ns, const std::string& key) {
    host.requests.clear();
    const auto done = collector.reconcile({ns, key});
    return done ? Status() : done.error();
  }
  // "DELETE pods ns/a", in order, without reads.
  std::vector<std::string> writes() const {
    std::vector<std::string> found;
    for (const auto& request : host.requests) {
      if (request.verb() == abi::ApiRequest::DELETE) found.push_back("DELETE " + request.name());
      if (request.verb() == abi::ApiRequest::PATCH) found.push_back("PATCH " + request.name() + " " + request.body());
    }
    return found;
  }
  metav1::DeleteOptions delete_options() const {
    metav1::DeleteOptions options;
    for (const auto& request : host.requests) {
      if (request.verb() == abi::ApiRequest::DELETE) options.ParseFromString(request.body());
    }
    return options;
  }

  testkit::ScriptedHost host;
  Collector collector{sdk::Host(&host.host)};
  std::map<std::tuple<std::string, std::string, std::string>, Object> api;
  bool has_widgets = false;      // in discovery
  bool has_older = false;        // all of it in another version, too
  std::vector<Status> refusals;  // the next writes fail with these

 private:
  testkit::ScriptedHost::Answer serve(const abi::ApiRequest& request) {
    using abi::ApiRequest;
    if (request.verb() == ApiRequest::DISCOVER) {
      abi::ApiResponse out;
      out.add_objects(discovery("v1").SerializeAsString());
      if (has_older) out.add_objects(discovery("v1beta1").SerializeAsString());
      return out;
    }
    if (request.verb() == ApiRequest::LIST) return list(request);
    const auto it = api.find({request.resource(), request.namespace_(), request.name()});
    if (it == api.end()) return Status::not_found(request.name() + " not found");
    if (request.verb() != ApiRequest::GET && !refusals.empty()) {
      Status refusal = refusals.front();
      refusals.erase(refusals.begin());
      return refusal;
    }
    if (request.verb() == ApiRequest::DELETE) {
      metav1::DeleteOptions options;
      options.ParseFromString(request.body());
      if (options.preconditions().uid() != it->second.metadata().uid()) return Status::conflict("another uid");
    }
    return testkit::ScriptedHost::answer(it->second);
  }
  testkit::ScriptedHost::Answer list(const abi::ApiRequest& request) const {
    abi::ApiResponse out;
    for (const auto& [key, object] : api) {
      const bool here = request.namespace_().empty() || std::get<1>(key) == request.namespace_();
      if (std::get<0>(key) == request.resource() && here) out.add_objects(object.SerializeAsString());
    }
    return out;
  }
  metav1::APIResourceList discovery(const char* version) const {
    metav1::APIResourceList list;
    list.set_group_version(version);
    const auto add = [&](const char* name, const char* kind, bool namespaced) {
      auto& resource = *list.add_resources();
      resource.set_name(name);
      resource.set_kind(kind);
      resource.set_namespaced(namespaced);
      for (const char* verb : {"get", "list", "watch", "delete"}) resource.mutable_verbs()->add_items(verb);
    };
    add("configmaps", "ConfigMap", true);
    add("pods", "Pod", true);
    add("pods/status", "Pod", true);
    add("events", "Event", true);
    add("namespaces", "Namespace", false);
    if (has_widgets) add("widgets", "Widget", true);
    return list;
  }
};

}  // namespace gantry::garbage_collector
