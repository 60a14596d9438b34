// Which resource a message type is, so that typed clients and caches need no names. Compile time only.
#pragma once

#include <string_view>

#include "k8s.io/api/apps/v1/deployment.pb.h"
#include "k8s.io/api/apps/v1/replica_set.pb.h"
#include "k8s.io/api/coordination/v1/lease.pb.h"
#include "k8s.io/api/core/v1/config.pb.h"
#include "k8s.io/api/core/v1/event.pb.h"
#include "k8s.io/api/core/v1/namespace.pb.h"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"
#include "k8s.io/api/core/v1/service_account.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/list.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/options.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/selector.pb.h"

namespace gantry {

namespace corev1 = k8s::io::api::core::v1;
namespace appsv1 = k8s::io::api::apps::v1;
namespace coordinationv1 = k8s::io::api::coordination::v1;
namespace metav1 = k8s::io::apimachinery::pkg::apis::meta::v1;

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

GANTRY_RESOURCE(corev1::Pod, "", "v1", "pods");
GANTRY_RESOURCE(corev1::Node, "", "v1", "nodes");
GANTRY_RESOURCE(corev1::Namespace, "", "v1", "namespaces");
GANTRY_RESOURCE(corev1::ConfigMap, "", "v1", "configmaps");
GANTRY_RESOURCE(corev1::Secret, "", "v1", "secrets");
GANTRY_RESOURCE(corev1::ServiceAccount, "", "v1", "serviceaccounts");
GANTRY_RESOURCE(corev1::Event, "", "v1", "events");
GANTRY_RESOURCE(appsv1::Deployment, "apps", "v1", "deployments");
GANTRY_RESOURCE(appsv1::ReplicaSet, "apps", "v1", "replicasets");
GANTRY_RESOURCE(coordinationv1::Lease, "coordination.k8s.io", "v1", "leases");

}  // namespace gantry
