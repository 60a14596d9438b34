// Writes pod statuses to the API in the background: only what changed, the latest wins, one request a pod at a time.
//
// Keeps trying while the server can't be reached, later and later up to 10 s. A status that the server refuses for what
// it says is told once and let go: it is written again when it has changed, or the pod has. A pod that is gone, or has
// another UID, is forgotten. What is no text in a status becomes so. [any-thread]
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/client/client.hpp"
#include "k8s.io/api/core/v1/pod.pb.h"

namespace gantry::node {

class StatusWriter {
 public:
  struct Hooks {
    // The newest version of the pod that the watch has brought, or null.
    std::function<std::shared_ptr<const corev1::Pod>(const std::string& uid)> newest;
    // What had been set is in the API now (or can't ever be, or the pod is gone). Must not block.
    std::function<void(const std::string& uid)> settled;
    std::function<void(int64_t delay_ms, std::function<void()>)> schedule;
    // It can't be written: for good (the server refuses it), or just now. May be empty. Must not block.
    std::function<void(const std::string& uid, const Status& why, bool for_good)> failed;
  };
  StatusWriter(client::Client& client, Hooks hooks);
  ~StatusWriter();  // no hook runs afterwards; requests under way end on their own
  StatusWriter(const StatusWriter&) = delete;
  StatusWriter& operator=(const StatusWriter&) = delete;

  void set(const corev1::Pod& pod, corev1::PodStatus status);
  // The watch has brought this version: where somebody else has written over what was set, it is written again.
  void seen(const corev1::Pod& pod);
  // Nothing waits to be written for this pod.
  bool settled(const std::string& uid) const;
  void forget(const std::string& uid);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gantry::node
