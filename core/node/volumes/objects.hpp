// ConfigMaps and Secrets that this node's pods use: read when first needed, then kept fresh by a watch on that one
// object.
//
// A watch lives while some pod holds the object, so that a change reaches mounted volumes without polling. [any-thread]
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/client/client.hpp"
#include "k8s.io/api/core/v1/config.pb.h"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

class ObjectCache {
 public:
  virtual ~ObjectCache() = default;  // ends all watches; no callback runs afterwards
  // The newest version; NotFound in the API's words (`configmap "x" not found` as the kubelet says it). May block up to
  // 10 s. [worker]
  virtual Expected<corev1::ConfigMap> config_map(const std::string& ns, const std::string& name) = 0;
  virtual Expected<corev1::Secret> secret(const std::string& ns, const std::string& name) = 0;
  // Which objects a pod uses, by what its spec names; `changed(pod_uid)` (of make) runs when one of them changes.
  virtual void hold(const corev1::Pod& pod) = 0;
  virtual void release(const std::string& pod_uid) = 0;
};

std::unique_ptr<ObjectCache> make_object_cache(client::Client& client,
                                               std::function<void(const std::string& pod_uid)> changed,
                                               std::function<void(int64_t, std::function<void()>)> schedule);

}  // namespace gantry::node
