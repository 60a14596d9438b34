// What probes and hooks say of ports and requests, made out against the container. Pure, any thread.
#pragma once

#include <string>

#include "core/node/probes/probe_net.hpp"
#include "k8s.io/api/core/v1/container.pb.h"

namespace gantry::node {

// A port by its number, or by the name of one of the container's ports. Fails in the kubelet's words.
Expected<int> resolve_port(const k8s::io::apimachinery::pkg::util::intstr::IntOrString& port,
                           const corev1::Container& container);

// `pod_ip` is asked when the action names no host.
Expected<HttpProbe> resolve_request(const corev1::HTTPGetAction& action, const std::string& pod_ip,
                                    const corev1::Container& container);

}  // namespace gantry::node
