// Which pods go first when there are too many. Pure, any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::sdk {

inline constexpr char kDeletionCost[] = "controller.kubernetes.io/pod-deletion-cost";

// The annotation's number; 0 when absent or not an int32 in plain decimal.
int32_t deletion_cost(const corev1::Pod& pod);

// How two ages compare by their power of two: negative when the time `a` is the younger. Ages within a factor of two
// are equal, so that which of them goes is left to chance.
int64_t age_difference(int64_t a_ns, int64_t b_ns, int64_t now_ns);

// The `count` least useful of `pods`. `related` are the pods of all sets with the same owner: where many of them share
// a node, losing one hurts least.
std::vector<corev1::Pod> pods_to_delete(std::vector<corev1::Pod> pods, const std::vector<corev1::Pod>& related,
                                        size_t count, int64_t now_ns);

}  // namespace gantry::sdk
