// Makes few Events of many: counts repeats, combines similar ones, holds back an object that has too many.
//
// The rules are upstream's. Owned by EventRecorder and used on its thread only; no clock of its own.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "k8s.io/api/core/v1/event.pb.h"

namespace gantry::client {

// The newest `limit` entries by last use.
template <typename Value>
class RecentlyUsed {
 public:
  explicit RecentlyUsed(size_t limit) : limit_(limit) {}
  // The entry, made when absent. Valid until the next call.
  Value& at(const std::string& key) {
    if (const auto found = index_.find(key); found != index_.end()) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return found->second->second;
    }
    entries_.emplace_front(key, Value());
    index_.emplace(entries_.front().first, entries_.begin());
    if (entries_.size() > limit_) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    return entries_.front().second;
  }
  size_t size() const { return entries_.size(); }

 private:
  const size_t limit_;
  std::list<std::pair<std::string, Value>> entries_;
  std::unordered_map<std::string_view, typename std::list<std::pair<std::string, Value>>::iterator> index_;
};

class EventCorrelator {
 public:
  using Event = k8s::io::api::core::v1::Event;

  struct Result {
    std::string key;  // of the run of equal events that it belongs to
    Event event;      // count > 1: the run's Event is to be updated
  };
  // `event` lacks name, count and timestamps. None: held back.
  std::optional<Result> correlate(Event event, int64_t now_unix_ns);

 private:
  struct Similar {
    std::set<std::string> messages;
    int64_t last_ns = 0;
  };
  struct Run {
    int32_t count = 0;
    int64_t first_ns = 0;
    std::string name;
  };
  struct Bucket {
    double tokens = 25;
    int64_t filled_ns = 0;
  };
  bool combine(const std::string& similar_key, Event& event, int64_t now_ns);
  void count(const std::string& run_key, Event& event, int64_t now_ns);
  bool take_token(const std::string& object_key, int64_t now_ns);

  static constexpr size_t kRemembered = 4096;
  RecentlyUsed<Similar> similar_{kRemembered};
  RecentlyUsed<Run> runs_{kRemembered};
  RecentlyUsed<Bucket> buckets_{kRemembered};
  int64_t last_name_ns_ = 0;
};

}  // namespace gantry::client
