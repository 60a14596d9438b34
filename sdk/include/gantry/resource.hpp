// Which resource a message type is, so that typed clients and caches need no names. The header of a message
// (k8s.io/api/core/v1/pod.pb.h) says it of its kinds, and gives its package a short name: gantry::corev1.
// Compile time only.
#pragma once

#include <string_view>

namespace gantry {

struct ResourceName {
  std::string_view group, version, resource;
};

template <typename Message>
struct ResourceOf;

#define GANTRY_RESOURCE(TYPE, GROUP, VERSION, RESOURCE)              \
  template <>                                                        \
  struct ResourceOf<TYPE> {                                          \
    static constexpr ResourceName name = {GROUP, VERSION, RESOURCE}; \
  }

}  // namespace gantry
