// The pods of this node by UID: what the API says of them, and the memory of their syncs. [any-thread]
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/client/client.hpp"
#include "core/node/pod/pod_sync.hpp"

namespace gantry::node {

class PodTable {
 public:
  struct Entry {
    std::shared_ptr<const corev1::Pod> pod;  // null: only the runtime, or a folder, knows it
    bool gone = false;                       // the API no longer has it
    std::shared_ptr<PodMemory> memory = std::make_shared<PodMemory>();
  };

  // From the watch; the UIDs whose pod has something to do now.
  std::vector<std::string> replace(const client::Client::List& list);
  std::optional<std::string> event(const client::WatchEvent& event);
  // Of the runtime or the disk: those that nobody knows become pods that are gone.
  std::vector<std::string> add_orphans(const std::set<std::string>& uids);

  // Versions that the watch has brought are shown to this, outside the lock. Before the first of them.
  std::function<void(const corev1::Pod&)> seen;

  std::optional<Entry> find(const std::string& uid) const;
  std::shared_ptr<const corev1::Pod> pod(const std::string& uid) const;
  void forget(const std::string& uid);
  std::vector<std::string> uids() const;
  bool known() const;  // the API's list has come

  void note_sandbox(const std::string& sandbox_id, const std::string& uid);
  std::optional<std::string> uid_of_sandbox(const std::string& sandbox_id) const;

 private:
  // Whether the change is one that the node has to act on; its own status writes come back here.
  static bool matters(const corev1::Pod& before, const corev1::Pod& after);
  bool put_locked(std::shared_ptr<const corev1::Pod> pod);

  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  std::map<std::string, std::string> sandboxes_;
  bool known_ = false;
};

}  // namespace gantry::node
