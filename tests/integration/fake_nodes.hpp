// Plays the scheduler and the kubelets of a namespace: binds pods, reports them as the test wants, and confirms their
// end. One thread of its own.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "k8s.io/api/core/v1/pod.pb.h"
#include "tests/integration/test_plane.hpp"

namespace gantry::integration {

class FakeNodes {
 public:
  enum class Fate : uint8_t { kUnscheduled, kPending, kRunning, kReady, kFailed };
  using Policy = std::function<Fate(const corev1::Pod&)>;

  // Every pod becomes ready unless a policy says otherwise; pods go round the nodes in turn.
  explicit FakeNodes(TestPlane& plane, Policy policy = nullptr, std::vector<std::string> nodes = {"node-a", "node-b"});
  ~FakeNodes();
  FakeNodes(const FakeNodes&) = delete;
  FakeNodes& operator=(const FakeNodes&) = delete;

  // From now on, also for the pods that exist.
  void set_policy(Policy policy);
  // While false, pods that are being deleted stay.
  void let_pods_end(bool let);

 private:
  void run();
  std::vector<ApiRequest> due(const View<corev1::Pod>::Objects& pods);
  void add_step(const corev1::Pod& pod, std::vector<ApiRequest>& out);
  void wake();

  TestPlane& plane_;
  const std::vector<std::string> nodes_;
  std::mutex mutex_;
  std::condition_variable woken_;
  Policy policy_;
  bool ends_ = true;
  bool dirty_ = false;
  bool stopped_ = false;
  size_t turn_ = 0;
  std::unique_ptr<View<corev1::Pod>> view_;
  std::thread thread_;
};

}  // namespace gantry::integration
