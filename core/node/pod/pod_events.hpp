// Events about a pod and its containers, as the kubelet writes them. Never blocks. [any-thread]
#pragma once

#include <functional>
#include <string_view>

#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

class PodEvents {
 public:
  using Record = std::function<void(std::string_view regarding, std::string_view type, std::string_view reason,
                                    std::string_view message)>;
  explicit PodEvents(Record record) : record_(std::move(record)) {}

  void normal(const corev1::Pod& pod, std::string_view reason, std::string_view message) const;
  void warning(const corev1::Pod& pod, std::string_view reason, std::string_view message) const;
  // About one container, by its name: "spec.containers{c}".
  void container_normal(const corev1::Pod& pod, std::string_view container, std::string_view reason,
                        std::string_view message) const;
  void container_warning(const corev1::Pod& pod, std::string_view container, std::string_view reason,
                         std::string_view message) const;

 private:
  void write(const corev1::Pod& pod, std::string_view container, std::string_view type, std::string_view reason,
             std::string_view message) const;
  const Record record_;
};

}  // namespace gantry::node
