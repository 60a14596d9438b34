// The hollow kubelets' work on pods: what the API says of a pod on one of our nodes, and what is written back.
//
// One write in flight a pod, asynchronous: a worker never waits for a commit, and the server commits many pods' writes
// together. reconcile runs on the host's workers, for one pod at a time; answers come on the host's threads.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "addresses.hpp"
#include "gantry/host.hpp"
#include "hollow_pod.hpp"
#include "nodes.hpp"
#include "usage.hpp"

namespace gantry::sim {

class Pods {
 public:
  Pods(sdk::Host host, const Settings& settings, Addresses& addresses, const Nodes& nodes, UsagePlayer& usage);
  // Waits for the answers that are still to come.
  ~Pods();
  Pods(const Pods&) = delete;
  Pods& operator=(const Pods&) = delete;

  // Moves one pod on; answers when it is to be looked at again, in ms (0: not before it changes).
  int64_t reconcile(const std::string& ns, const std::string& name);
  // Queues every pod of a node.
  void queue_node(const std::string& node) const;

 private:
  struct Record {
    Record(const corev1::Pod& pod, int64_t on, const Behaviour& behaviour, int64_t seed, int64_t now)
        : uid(pod.metadata().uid()), ip(pod.status().pod_ip()), node(on), hollow(pod, behaviour, seed, now) {}
    const std::string uid;
    std::string ip;
    const int64_t node;
    HollowPod hollow;
    bool has_ip = false;  // and gives it back
    // Under mutex_, for answers come on other threads.
    bool in_flight = false, again = false, failed = false;
    int64_t seen = 0;     // the resourceVersion that was looked at last
    int64_t written = 0;  // that of our last write
    int64_t failures = 0;
  };
  using RecordPtr = std::shared_ptr<Record>;
  struct Call;

  void adopt_addresses();
  RecordPtr find(const corev1::Pod& pod, int64_t node, const Behaviour& behaviour, int64_t now);
  void forget(const std::string& key);
  // kWait: for an answer, or for the cache to show what was written. kOwnWrite: the cache shows just that.
  enum class Turn : uint8_t { kWait, kOwnWrite, kNothingNew, kNews };
  Turn turn_of(Record& record, int64_t version);
  void act(const RecordPtr& record, corev1::Pod& pod, const Behaviour& behaviour, int64_t now);
  bool leave(const RecordPtr& record, const corev1::Pod& pod, Turn turn);
  void hold_address(Record& record, const corev1::Pod& pod);
  void write_status(const RecordPtr& record, corev1::Pod& pod, corev1::PodStatus status);
  void remove(const RecordPtr& record, const corev1::Pod& pod);
  void send(const RecordPtr& record, const corev1::Pod& pod, const sdk::ApiRequest& request);
  void answered(Call& call, gantry_code code, gantry_slice response, gantry_slice error);

  const sdk::Host host_;
  const Settings& settings_;
  Addresses& addresses_;
  const Nodes& nodes_;
  UsagePlayer& usage_;
  std::once_flag adopted_;
  std::mutex mutex_;
  std::condition_variable idle_;
  std::unordered_map<std::string, RecordPtr> records_;  // by "namespace/name"
  size_t calls_ = 0;
};

}  // namespace gantry::sim
