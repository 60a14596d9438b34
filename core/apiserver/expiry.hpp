// Removes objects that nobody has written to for their time to live, as upstream's leases in etcd do: of the kinds that
// know when that was (Behavior::last_written), which are Events.
//
// Owned by the server; sweep() is called now and then by its timer, one call at a time, on a worker. Which revision was
// written when is remembered by samples, so that a sweep parses nothing; only the first after a start reads what stands
// in the objects.
#pragma once

#include <deque>

#include "core/apiserver/request/call.hpp"

namespace gantry::apiserver {

class Expiry {
 public:
  explicit Expiry(std::weak_ptr<Environment> env) : env_(std::move(env)) {}
  void sweep();

 private:
  struct Sample {
    int64_t unix_ns;
    store::Revision revision;
  };
  // Everything written up to this revision is older than the time to live.
  store::Revision horizon(const Environment& env, int64_t now);
  void sweep_folder(Environment& env, const schema::Kind& kind, const std::string& folder, store::Revision horizon,
                    int64_t now);

  const std::weak_ptr<Environment> env_;
  std::deque<Sample> samples_;
  bool first_ = true;
};

}  // namespace gantry::apiserver
