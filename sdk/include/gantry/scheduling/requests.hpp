// What a pod asks of a node: the resources of its containers, init containers, sidecars and overhead as upstream's
// scheduler adds them up. Pure, any thread.
#pragma once

#include <google/protobuf/map.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "k8s.io/api/core/v1/pod_spec.pb.h"
#include "k8s.io/apimachinery/pkg/api/resource/generated.pb.h"

namespace gantry::sdk {

using ResourceList = google::protobuf::Map<std::string, k8s::io::apimachinery::pkg::api::resource::Quantity>;

// Amounts: CPU in thousandths, the others in units, rounded up. Resources beyond the common three by name.
struct Resources {
  int64_t milli_cpu = 0;
  int64_t memory = 0;
  int64_t storage = 0;  // ephemeral-storage
  std::map<std::string, int64_t, std::less<>> others;

  int64_t other(std::string_view name) const;
  void raise_to(const Resources& least);  // element-wise maximum
  // Ends at the largest number.
  void add(const Resources& more);
  // Into a sum and out of it again, exactly; what comes to nothing is left out.
  void count_in(const Resources& more);
  void count_out(const Resources& less);
};

// Without "pods", which is a number of pods; what is no quantity counts 0.
Resources resources_of(const ResourceList& list);
// A quantity in units, rounded up, from int64's range; 0 when it is none.
int64_t amount_of(const k8s::io::apimachinery::pkg::api::resource::Quantity& quantity);

struct PodRequests {
  Resources requests;  // what has to fit
  Resources scored;    // with 100m and 200 MiB for containers that ask for nothing, to compare nodes by
};
PodRequests requests_of(const corev1::PodSpec& spec);

}  // namespace gantry::sdk
