// Makes few Events of many. On the recorder's thread.
#include "core/client/event_correlator.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace gantry::client {
namespace {

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kSimilarWindow = 600 * kSecond;
constexpr size_t kSimilarLimit = 10;
constexpr double kBurst = 25;
constexpr double kRefillSeconds = 300;

// Parts of a key can't run into each other.
template <typename... Parts>
std::string key_of(const Parts&... parts) {
  std::string key;
  ((key += parts, key += '\0'), ...);
  return key;
}

void set_time(k8s::io::apimachinery::pkg::apis::meta::v1::Time& time, int64_t unix_ns) {
  time.set_seconds(unix_ns / kSecond);
}

}  // namespace

std::optional<EventCorrelator::Result> EventCorrelator::correlate(Event event, int64_t now_ns) {
  const auto& about = event.involved_object();
  const std::string object = key_of(event.source().component(), event.source().host(), about.kind(), about.namespace_(),
                                    about.name(), about.uid(), about.api_version());
  const std::string similar = key_of(object, event.type(), event.reason());
  Result result;
  result.key = combine(similar, event, now_ns) ? similar : key_of(similar, about.field_path(), event.message());
  count(result.key, event, now_ns);
  // Counted first: a later one that gets through tells of those held back.
  if (!take_token(object, now_ns)) return std::nullopt;
  result.event = std::move(event);
  return result;
}

// Whether this is one of so many with the same reason and other words that they become one Event.
bool EventCorrelator::combine(const std::string& similar_key, Event& event, int64_t now_ns) {
  auto& similar = similar_.at(similar_key);
  if (now_ns - similar.last_ns > kSimilarWindow) similar.messages.clear();
  similar.last_ns = now_ns;
  similar.messages.insert(event.message());
  if (similar.messages.size() < kSimilarLimit) return false;
  similar.messages.erase(similar.messages.begin());
  event.set_message("(combined from similar events): " + event.message());
  return true;
}

void EventCorrelator::count(const std::string& run_key, Event& event, int64_t now_ns) {
  auto& run = runs_.at(run_key);
  if (run.count == 0) {
    run.first_ns = now_ns;
    last_name_ns_ = std::max(now_ns, last_name_ns_ + 1);
    std::array<char, 24> suffix{};
    std::snprintf(suffix.data(), suffix.size(), ".%llx", static_cast<unsigned long long>(last_name_ns_));
    run.name = event.involved_object().name() + suffix.data();
  }
  ++run.count;
  event.mutable_metadata()->set_name(run.name);
  event.set_count(run.count);
  set_time(*event.mutable_first_timestamp(), run.first_ns);
  set_time(*event.mutable_last_timestamp(), now_ns);
}

bool EventCorrelator::take_token(const std::string& object_key, int64_t now_ns) {
  auto& bucket = buckets_.at(object_key);
  if (bucket.filled_ns != 0 && now_ns > bucket.filled_ns) {
    const double seconds = static_cast<double>(now_ns - bucket.filled_ns) / static_cast<double>(kSecond);
    bucket.tokens = std::min(kBurst, bucket.tokens + seconds / kRefillSeconds);
  }
  bucket.filled_ns = now_ns;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

}  // namespace gantry::client
