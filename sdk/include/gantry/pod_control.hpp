// Pods made and deleted for a controller's object, all of a call at once, each told of in an Event about that object.
// [worker]
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gantry/host.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::sdk {

class PodControl {
 public:
  // `about`: the object whose pods they are. Borrows host and metadata.
  PodControl(const Host& host, const metav1::ObjectMeta& about, std::string_view api_version, std::string_view kind)
      : host_(host), about_{about}, api_version_(api_version), kind_(kind) {}

  // A Status for each, in order. That the namespace is being deleted is no failure: the object goes with it.
  std::vector<Status> create(const std::vector<corev1::Pod>& pods) const;
  std::vector<Status> create(const corev1::Pod& pod, size_t count) const;
  // One that is gone already is a success.
  std::vector<Status> remove(const std::vector<corev1::Pod>& pods) const;

 private:
  struct About {
    const metav1::ObjectMeta& meta;
    const metav1::ObjectMeta& metadata() const { return meta; }
  };
  std::vector<Status> create(const std::vector<ApiRequest>& requests) const;
  void event(std::string_view type, std::string_view reason, const std::string& message) const;

  const Host& host_;
  const About about_;
  const std::string api_version_, kind_;
};

// The first that is not ok.
Status first_failure(std::vector<Status> all);

}  // namespace gantry::sdk
