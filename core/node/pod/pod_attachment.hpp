// What a network plugin is told of a pod. Pure.
#pragma once

#include <string>

#include "gantry/abi.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

inline abi::NetworkAttachment make_attachment(const std::string& sandbox_id, const std::string& netns,
                                              const corev1::Pod& pod) {
  abi::NetworkAttachment out;
  out.set_sandbox_id(sandbox_id);
  out.set_netns(netns);
  out.set_interface("eth0");
  out.set_pod_namespace(pod.metadata().namespace_());
  out.set_pod_name(pod.metadata().name());
  out.set_pod_uid(pod.metadata().uid());
  for (const auto* containers : {&pod.spec().init_containers(), &pod.spec().containers()}) {
    for (const auto& container : *containers) {
      for (const auto& port : container.ports()) {
        if (port.host_port() <= 0) continue;
        auto& mapping = *out.add_ports();
        mapping.set_container_port(port.container_port());
        mapping.set_host_port(port.host_port());
        mapping.set_protocol(port.protocol().empty() ? "TCP" : port.protocol());
        mapping.set_host_ip(port.host_ip());
      }
    }
  }
  return out;
}

}  // namespace gantry::node
