// What the controller remembers of each CronJob beside what the API holds: that its schedule was changed, and what was
// said of it already. Forgotten with the plugin's instance: then a complaint is made once more. Any thread.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace gantry::cronjob {

class Memory {
 public:
  using Key = std::pair<std::string, std::string>;  // namespace, name

  // The schedule that holds now; since when, if it replaced another one that this instance knew, else the beginning of
  // time. What was due by it before that is nobody's loss.
  int64_t schedule_since(const Key& key, std::string_view uid, std::string_view schedule, int64_t now_ns);
  // True the first time.
  bool is_news(const Key& key, std::string_view uid, const std::string& text);
  bool knows(const Key& key, std::string_view uid, const std::string& text) const;
  void forget(const Key& key);
  size_t size() const;

 private:
  struct Known {
    std::string uid, schedule;
    int64_t since_ns = INT64_MIN;
    std::set<std::string> said;
  };
  Known& known(const Key& key, std::string_view uid);

  mutable std::mutex mutex_;
  std::map<Key, Known> known_;
};

}  // namespace gantry::cronjob
