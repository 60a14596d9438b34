// Which resource an ownerReference's apiVersion and kind mean, and which resources can be collected: from discovery.
//
// Owned by Collector. Reads discovery at the first question and again when a kind is unknown, at most once a
// second, or when a resource shows up that it did not have. [worker], but for saw(): blocks on the API.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/host.hpp"

namespace gantry::garbage_collector {

struct Resource {
  std::string group, version, name, kind;
  bool namespaced = false;
};

class ResourceMap {
 public:
  explicit ResourceMap(sdk::Host host) : host_(host) {}

  // NotFound when the server has no such kind.
  Expected<Resource> find(std::string_view api_version, std::string_view kind);
  // Everything that can be listed, watched and deleted, each in the version that the server prefers, but for events,
  // which nobody owns.
  Expected<std::shared_ptr<const std::vector<Resource>>> all();
  // There is an object of this resource: if it is new, all() is to know it. [any-thread]
  void saw(std::string_view group, std::string_view resource);

 private:
  using List = std::shared_ptr<const std::vector<Resource>>;
  struct Lists {
    List served;  // in all versions: an owner may be named by any
    List once;    // each in one
  };
  Expected<Lists> refresh();
  Lists current() const;

  const sdk::Host host_;
  mutable std::mutex mutex_;
  Lists lists_;                                            // null: to be read
  std::vector<std::pair<std::string, std::string>> seen_;  // each counts as new once
  uint64_t news_ = 0;                                      // how often lists_ were found to lack one
  int64_t read_at_ns_ = 0;
};

}  // namespace gantry::garbage_collector
