// The pods that are over and not being deleted, in the order in which they may go: evicted ones first, then by age.
// Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::podgc {

class Terminated {
 public:
  struct Place {
    bool living_on;  // not evicted
    int64_t created;
    std::string name, ns, uid;
    auto operator<=>(const Place&) const = default;
  };

  // What the pod is now; one that is not over, or is going, has no place.
  void note(const corev1::Pod& pod);
  void forget(const std::string& ns, const std::string& name);
  // Takes out those beyond `threshold`, at most `most`, in their order.
  std::vector<Place> take_beyond(size_t threshold, size_t most);
  // One that could not be deleted.
  void put_back(Place place);
  size_t size() const;

 private:
  void drop(const std::pair<std::string, std::string>& key);

  mutable std::mutex mutex_;
  std::set<Place> places_;
  std::map<std::pair<std::string, std::string>, Place> by_key_;  // namespace, name
};

}  // namespace gantry::podgc
