// A pod's container of a name, init containers included.
#pragma once

#include <string_view>

#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

// Null when there is none.
inline const k8s::io::api::core::v1::Container* find_container(const k8s::io::api::core::v1::Pod& pod,
                                                               std::string_view name) {
  for (const auto* containers : {&pod.spec().containers(), &pod.spec().init_containers()}) {
    for (const auto& container : *containers) {
      if (container.name() == name) return &container;
    }
  }
  return nullptr;
}

}  // namespace gantry::node
