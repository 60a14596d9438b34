// Requests about keys, for what is kept as it is to be: one about a key at a time and a few in all; those that fail are
// tried again, ever later. Of those that succeed the keeper's watch tells, and it looks again.
//
// Used by the keepers of IPAddresses and of ServiceCIDRs. [any-thread]
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/client/client.hpp"

namespace gantry::network {

struct KeyedStepsOptions {
  client::Client* client = nullptr;
  std::function<void(int64_t delay_ms, std::function<void()> fn)> schedule;
  // What is to be asked for this key now; nothing: it is as it should be, or somebody looks again.
  std::function<std::optional<client::ApiRequest>(const std::string& key)> next;
  // One failed for the third time in a row.
  std::function<void(const std::string& key, const Status& why)> trouble;
};

class KeyedSteps : public std::enable_shared_from_this<KeyedSteps> {
 public:
  explicit KeyedSteps(KeyedStepsOptions options) : options_(std::move(options)) {}
  void look(const std::string& key);
  // No request is begun any more.
  void stop();

 private:
  static constexpr size_t kMostAtOnce = 16;
  static constexpr int kFailuresToTell = 3;

  void run();
  void ask(const std::string& key);
  void answered(const std::string& key, const Status& status);
  void release(const std::string& key, bool again);

  const KeyedStepsOptions options_;
  std::mutex mutex_;  // not held through calls
  std::set<std::string> waiting_, busy_;
  std::map<std::string, int> failures_;
  bool running_ = false, stopped_ = false;
};

}  // namespace gantry::network
