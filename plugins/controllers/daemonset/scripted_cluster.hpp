// A controller with an API that keeps what is written in the caches: the fixture of its tests.
#pragma once

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "controller.hpp"
#include "sdk/testkit/scripted_host.hpp"
#include "testing.hpp"

namespace gantry::daemonset::testing {

struct ControllerTest : ::testing::Test {
  ControllerTest() : controller(sdk::Host(&scripted.host)) {
    scripted.api = [this](const abi::ApiRequest& request) { return serve(request); };
    scripted.cache(set);
  }
  template <typename M>
  static M body_of(const abi::ApiRequest& request) {
    M message;
    message.ParseFromString(request.body());
    return message;
  }
  testkit::ScriptedHost::Answer serve(const abi::ApiRequest& request) {
    if (request.resource() == "controllerrevisions") return serve_revision(request);
    if (request.resource() == "pods" && request.verb() == abi::ApiRequest::CREATE) {
      if (!refusal.ok()) return refusal;
      auto pod = body_of<Pod>(request);
      pod.mutable_metadata()->set_name("agent-" + std::to_string(created.size()));
      created.push_back(pod);
      return testkit::ScriptedHost::answer(pod);
    }
    if (request.resource() == "pods" && request.verb() == abi::ApiRequest::DELETE) {
      removed.push_back(request.name());
      return testkit::ScriptedHost::answer(Pod());
    }
    if (request.resource() == "pods" && request.verb() == abi::ApiRequest::PATCH) {
      patched.push_back(request.name() + " " + request.body());
      return testkit::ScriptedHost::answer(Pod());
    }
    if (request.resource() == "daemonsets" && request.subresource() == "status") {
      set = body_of<DaemonSet>(request);
      ++statuses;
      scripted.cache(set);
      return testkit::ScriptedHost::answer(set);
    }
    return Status::internal("not expected: " + request.ShortDebugString());
  }
  testkit::ScriptedHost::Answer serve_revision(const abi::ApiRequest& request) {
    if (request.verb() == abi::ApiRequest::CREATE) {
      auto revision = body_of<appsv1::ControllerRevision>(request);
      if (all_names_taken || revisions.contains(revision.metadata().name())) return Status::already_exists("taken");
      revision.mutable_metadata()->set_uid("uid-" + revision.metadata().name());
      keep(revision);
      return testkit::ScriptedHost::answer(revision);
    }
    if (request.verb() == abi::ApiRequest::UPDATE) {
      keep(body_of<appsv1::ControllerRevision>(request));
      return testkit::ScriptedHost::answer(body_of<appsv1::ControllerRevision>(request));
    }
    if (request.verb() == abi::ApiRequest::GET) {
      const auto it = revisions.find(request.name());
      return testkit::ScriptedHost::answer(it != revisions.end() ? it->second : appsv1::ControllerRevision());
    }
    revisions.erase(request.name());
    scripted.uncache("apps", "controllerrevisions", "shop", request.name());
    return testkit::ScriptedHost::answer(appsv1::ControllerRevision());
  }
  void keep(const appsv1::ControllerRevision& revision) {
    revisions[revision.metadata().name()] = revision;
    scripted.cache(revision);
  }
  void cache_nodes(int count) {
    for (int i = 0; i < count; ++i) scripted.cache(make_node("n" + std::to_string(i)));
  }
  // What was created runs.
  void run_pods() {
    for (auto& pod : created) {
      pod.mutable_spec()->set_node_name(std::string(node_of(pod)));
      pod.mutable_status()->set_phase("Running");
      auto& ready = *pod.mutable_status()->add_conditions();
      ready.set_type("Ready");
      ready.set_status("True");
      scripted.cache(pod, {{"spec.nodeName", pod.spec().node_name()}});
    }
  }
  void change_image(const std::string& image) {
    set.mutable_spec()->mutable_template_()->mutable_spec()->mutable_containers(0)->set_image(image);
    set.mutable_metadata()->set_generation(set.metadata().generation() + 1);
    scripted.cache(set);
  }
  Expected<sdk::Controller::Result> reconcile() { return controller.reconcile({"shop", "agent"}); }
  std::vector<int64_t> numbers() const {
    std::vector<int64_t> out;
    for (const auto& [name, revision] : revisions) out.push_back(revision.revision());
    std::sort(out.begin(), out.end());
    return out;
  }

  testkit::ScriptedHost scripted;
  DaemonSetController controller;
  DaemonSet set = make_set();
  std::map<std::string, appsv1::ControllerRevision> revisions;
  std::vector<Pod> created;
  std::vector<std::string> removed, patched;
  Status refusal;
  bool all_names_taken = false;  // of revisions, by those of nobody with other states
  int statuses = 0;
};

}  // namespace gantry::daemonset::testing
