// One step of one Deployment towards its wanted state: made for a single reconcile, on that reconcile's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "gantry/host.hpp"
#include "replica_sets.hpp"
#include "rollout_math.hpp"

namespace gantry::deployment {

inline constexpr char kApiVersion[] = "apps/v1";
inline constexpr char kKind[] = "Deployment";

class Rollout {
 public:
  // `sets` are all sets that the Deployment owns.
  Rollout(const sdk::Host& host, Deployment deployment, std::deque<ReplicaSet> sets, Limits limits)
      : host_(host), deployment_(std::move(deployment)), sets_(std::move(sets)), limits_(limits) {}
  Rollout(const Rollout&) = delete;
  Rollout& operator=(const Rollout&) = delete;

  Status run();
  int64_t requeue_after_ms() const { return requeue_after_ms_; }

 private:
  // Finds the new set among all, and brings its and the Deployment's revision up to date (new_replica_set.cpp).
  Status find_sets();
  Status refresh_new_set(int64_t revision);
  Status create_new_set();
  Status accept_new_set(ReplicaSet created, bool made_now, int64_t revision);
  Status name_is_taken(const std::string& name, int64_t revision, const Status& why);
  ReplicaSet make_new_set(const std::string& hash, int64_t revision) const;

  Status note_pause();
  bool was_scaled() const;
  Status follow_size();
  Status roll();
  Status grow_new_set(bool& changed);
  Status shrink_old_sets(bool& changed);
  Status recreate();
  bool old_pods_remain() const;
  Status clean_up();
  Status apply(const Sizes& sizes);
  // Does nothing when the set has this size (and, `always`, the annotations of the current one).
  Status resize(ReplicaSet& set, int32_t size, bool always = false);
  Status write_counts();
  Status write_rollout_status();
  Status write_status();
  Sets all() const;
  void event(std::string_view type, std::string_view reason, std::string_view message) const;

  const sdk::Host& host_;
  Deployment deployment_;
  std::deque<ReplicaSet> sets_;  // references stay valid when one is added
  const Limits limits_;
  ReplicaSet* fresh_ = nullptr;  // the set of the current template
  Sets old_;
  int64_t requeue_after_ms_ = 0;
};

}  // namespace gantry::deployment
