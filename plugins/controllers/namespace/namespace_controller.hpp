// Namespaces that are being deleted, as a controller: Terminating, emptied, finalized.
//
// Keys are namespaces. Threads: as sdk::Controller says.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "conditions.hpp"
#include "gantry/controller.hpp"

namespace gantry::namespaces {

class NamespaceController : public sdk::Controller {
 public:
  using Controller::Controller;

  abi::ControllerSpec spec() const override;
  Expected<Result> reconcile(const Key& key) override;

 private:
  Expected<corev1::Namespace> mark_terminating(corev1::Namespace object) const;
  Expected<Result> finish_pass(corev1::Namespace object, const Pass& pass);
  Expected<corev1::Namespace> write_conditions(corev1::Namespace object, const Pass& pass) const;
  Status finalize(const corev1::Namespace& object) const;
  // How long the namespace should still be watched while it looks empty, in ms.
  int64_t settling_ms(const std::string& uid);
  void forget(const std::string& uid);

  std::mutex mutex_;
  std::map<std::string, int64_t> empty_since_ns_;  // by uid; guarded by mutex_
};

}  // namespace gantry::namespaces
