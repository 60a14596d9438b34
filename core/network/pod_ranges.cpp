#include "core/network/pod_ranges.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <sstream>
#include <utility>

#include "core/client/reflector.hpp"
#include "core/network/range_pool.hpp"
#include "core/network/retry.hpp"
#include "core/schema/values/text.hpp"
#include "core/schema/values/values.hpp"
#include "gantry/abi/log.h"
#include "k8s.io/api/core/v1/node.pb.h"
#include "k8s.io/api/core/v1/reference.pb.h"

namespace gantry::network {
namespace {

namespace corev1 = k8s::io::api::core::v1;

constexpr int kTriesBeforeEvent = 3;
constexpr char kCondition[] = "NetworkUnavailable", kNotAvailable[] = "CIDRNotAvailable";

// What of a Node counts here.
struct Seen {
  std::string name, uid;
  uint64_t version = 0;
  std::vector<Cidr> ranges;
  bool marked = false;  // its condition says that no range was free
};

bool read(std::string_view bytes, Seen& out) {
  corev1::Node node;
  if (!node.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return false;
  out.name = node.metadata().name();
  out.uid = node.metadata().uid();
  const auto& version = node.metadata().resource_version();
  std::from_chars(version.data(), version.data() + version.size(), out.version);
  const auto add = [&](const std::string& text) {
    if (const auto range = Cidr::parse(text)) out.ranges.push_back(*range);
  };
  for (const auto& text : node.spec().pod_cidrs()) add(text);
  if (out.ranges.empty()) add(node.spec().pod_cidr());
  for (const auto& condition : node.status().conditions()) {
    if (condition.type() == kCondition) {
      out.marked = condition.status() == "True" && condition.reason() == kNotAvailable;
    }
  }
  return true;
}

std::string ranges_patch(const std::vector<Cidr>& ranges) {
  std::string list;
  for (const auto& range : ranges) list += (list.empty() ? "\"" : ",\"") + range.text() + "\"";
  return R"({"spec":{"podCIDR":")" + ranges.front().text() + R"(","podCIDRs":[)" + list + "]}}";
}

std::string condition_patch(bool lacks, const std::string& why, int64_t now_unix_ns) {
  const auto now = schema::format_time(now_unix_ns);
  std::string out = R"({"status":{"conditions":[{"type":")" + std::string(kCondition) + R"(","status":")" +
                    (lacks ? "True" : "False") + R"(","reason":")" + (lacks ? kNotAvailable : "CIDRAssigned") +
                    R"(","message":)";
  schema::append_json_string(out, lacks ? why : "the node has its pod range");
  return out + R"(,"lastHeartbeatTime":")" + now + R"(","lastTransitionTime":")" + now + "\"}]}}";
}

}  // namespace

class PodRanges::Impl : public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(PodRangesOptions options) : options_(std::move(options)) {
    for (const auto& cluster : options_.cluster) {
      pools_.emplace_back(cluster, cluster.ipv6 ? options_.node_prefix_ipv6 : options_.node_prefix_ipv4);
    }
  }

  void start() {
    client::WatchRequest what;
    what.version = "v1";
    what.resource = "nodes";
    client::ReflectorHandler handler;
    handler.replace = [weak = weak_from_this()](const client::Client::List& list) {
      if (const auto self = weak.lock()) self->replace(list);
    };
    handler.event = [weak = weak_from_this()](const client::WatchEvent& event) {
      const auto self = weak.lock();
      Seen seen;
      if (self == nullptr || !read(event.object.bytes, seen)) return;
      if (event.type == client::WatchEvent::Type::kDeleted)
        self->gone(seen.name);
      else
        self->see(seen);
    };
    client::ReflectorOptions watching;
    watching.schedule = options_.schedule;
    watching.run = options_.run;
    reflector_ = client::start_reflector(*options_.client, std::move(what), std::move(handler), std::move(watching));
  }
  void stop() { reflector_.reset(); }

 private:
  struct Node {
    std::string uid;
    uint64_t version = 0;      // what is older is no news
    std::vector<Cidr> ranges;  // kept for it
    bool written = false;      // the API has them, or said so
    bool lacks = false;        // there was none to be had
    bool told = false;         // an Event said that
    bool marked = false;       // and its condition does
    bool busy = false;         // a request about it is under way, or waits to be tried again
    int tries = 0;
    std::string why;
  };
  enum class Act : uint8_t { kNothing, kGive, kMark, kUnmark };

  void replace(const client::Client::List& list) {
    std::vector<Seen> nodes;
    std::set<std::string> names;
    for (const auto& object : list.objects) {
      if (Seen seen; read(object.bytes, seen)) {
        names.insert(seen.name);
        nodes.push_back(std::move(seen));
      }
    }
    std::vector<std::string> vanished;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [name, node] : nodes_) {
        if (!names.contains(name)) vanished.push_back(name);
      }
    }
    // Ranges that nodes have come first, so that none of them is given to another; then what came free.
    const auto rest =
        std::stable_partition(nodes.begin(), nodes.end(), [](const Seen& s) { return !s.ranges.empty(); });
    std::for_each(nodes.begin(), rest, [this](const Seen& seen) { see(seen); });
    for (const auto& name : vanished) gone(name);
    std::for_each(rest, nodes.end(), [this](const Seen& seen) { see(seen); });
  }

  void gone(const std::string& name) {
    {
      const std::lock_guard lock(mutex_);
      const auto it = nodes_.find(name);
      if (it == nodes_.end()) return;
      count(it->second.ranges, &RangePool::give_back);
      waiting_.erase(name);
      nodes_.erase(it);
    }
    serve_waiting();
  }

  void see(const Seen& seen) {
    bool freed = false;
    {
      const std::lock_guard lock(mutex_);
      auto& node = nodes_[seen.name];
      if (node.uid != seen.uid) {  // it was made anew
        count(node.ranges, &RangePool::give_back);
        node = {};
        node.uid = seen.uid;
      }
      if (seen.version < node.version) return;
      node.marked = seen.marked;
      if (!seen.ranges.empty()) {
        if (node.ranges != seen.ranges) {
          freed = !node.ranges.empty();
          count(node.ranges, &RangePool::give_back);
          node.ranges = seen.ranges;
          count(node.ranges, &RangePool::take);
        }
        node.written = true;
        node.lacks = false;
        waiting_.erase(seen.name);
      } else if (node.ranges.empty() && !node.lacks) {
        reserve(seen.name, node);
      }
    }
    step(seen.name);
    if (freed) serve_waiting();
  }

  // Whoever waits gets what came free, by name.
  void serve_waiting() {
    for (;;) {
      std::string name;
      {
        const std::lock_guard lock(mutex_);
        if (waiting_.empty()) return;
        name = *waiting_.begin();
        if (!reserve(name, nodes_[name])) return;
      }
      step(name);
    }
  }

  void count(const std::vector<Cidr>& ranges, void (RangePool::*how)(const Cidr&)) {
    for (const auto& range : ranges) {
      for (auto& pool : pools_) (pool.*how)(range);
    }
  }

  bool reserve(const std::string& name, Node& node) {
    std::vector<Cidr> found;
    for (auto& pool : pools_) {
      const auto range = pool.next();
      if (!range) {
        node.lacks = true;
        node.why = range.error().message();
        waiting_.insert(name);
        return false;
      }
      found.push_back(*range);
    }
    count(found, &RangePool::take);
    node.ranges = std::move(found);
    node.lacks = false;
    waiting_.erase(name);
    return true;
  }

  static Act next_act(const Node& node) {
    if (!node.ranges.empty() && !node.written) return Act::kGive;
    if (node.lacks && !node.marked) return Act::kMark;
    return node.marked && !node.lacks && node.written ? Act::kUnmark : Act::kNothing;
  }

  // One request about a node at a time, until the API says what is so.
  void step(const std::string& name) {
    client::ApiRequest request;
    Act act{};
    std::string uid, why;
    bool tell = false;
    {
      const std::lock_guard lock(mutex_);
      const auto it = nodes_.find(name);
      if (it == nodes_.end() || it->second.busy) return;
      auto& node = it->second;
      act = next_act(node);
      if (act == Act::kNothing) return;
      node.busy = true;
      uid = node.uid;
      why = node.why;
      tell = act == Act::kMark && !std::exchange(node.told, true);
      request =
          act == Act::kGive
              ? client::patch_request(kNodes, "", name, ranges_patch(node.ranges), ApiRequest::MERGE_PATCH)
              : client::patch_request(kNodes, "", name, condition_patch(act == Act::kMark, why, options_.now_unix_ns()),
                                      ApiRequest::STRATEGIC_MERGE_PATCH, "status");
    }
    if (tell) {
      event(name, uid, kNotAvailable);
      options_.trouble("pod-ranges-used-up", "node " + name + " gets no pod range: " + why +
                                                 "; a wider network.pod_cidr or a longer network.node_prefix has more");
    }
    options_.client->call(std::move(request), [weak = weak_from_this(), name, uid, act](const auto& answer) {
      const auto self = weak.lock();
      if (!self) return;
      auto take = [weak, name, uid, act, answer] {
        Seen now;
        if (answer && answer->objects_size() == 1) read(answer->objects(0), now);
        if (const auto alive = weak.lock())
          alive->answered(name, uid, act, answer ? Status() : answer.error(), now.version);
      };
      self->options_.run ? self->options_.run(std::move(take)) : take();
    });
  }

  void answered(const std::string& name, const std::string& uid, Act act, const Status& status, uint64_t version) {
    int tries = 0;
    std::string given;
    {
      const std::lock_guard lock(mutex_);
      const auto it = nodes_.find(name);
      if (it == nodes_.end() || it->second.uid != uid) return;
      auto& node = it->second;
      if (status.ok()) {
        node.busy = false;
        node.tries = 0;
        node.version = std::max(node.version, version);
        if (act == Act::kGive) {
          node.written = true;
          for (const auto& range : node.ranges) given += (given.empty() ? "" : ", ") + range.text();
        } else {
          node.marked = act == Act::kMark;
        }
      } else {
        tries = ++node.tries;
      }
    }
    if (!given.empty()) options_.log(GANTRY_LOG_INFO, "node " + name + " has the pod range " + given);
    if (status.ok()) return step(name);
    options_.trouble("pod-range-unwritten", "writing the pod range of node " + name + ": " + status.message());
    if (tries == kTriesBeforeEvent && act == Act::kGive) event(name, uid, "CIDRAssignmentFailed");
    const int64_t delay = retry_ms(tries);
    options_.schedule(delay, [weak = weak_from_this(), name, uid] {
      if (const auto self = weak.lock()) self->again(name, uid);
    });
  }

  void again(const std::string& name, const std::string& uid) {
    {
      const std::lock_guard lock(mutex_);
      const auto it = nodes_.find(name);
      if (it == nodes_.end() || it->second.uid != uid) return;
      it->second.busy = false;
    }
    step(name);
  }

  void event(const std::string& name, const std::string& uid, const char* what) const {
    corev1::ObjectReference regarding;
    regarding.set_api_version("v1");
    regarding.set_kind("Node");
    regarding.set_name(name);
    regarding.set_uid(uid);
    options_.record_event(regarding.SerializeAsString(), "Warning", what, "Node " + name + " status is now: " + what);
  }

  using ApiRequest = client::ApiRequest;
  inline static const client::ResourceRef kNodes{"", "v1", "nodes"};
  const PodRangesOptions options_;
  std::mutex mutex_;  // not held through calls
  std::vector<RangePool> pools_;
  std::map<std::string, Node> nodes_;
  std::set<std::string> waiting_;
  std::unique_ptr<client::Reflector> reflector_;
};

PodRanges::PodRanges(PodRangesOptions options) : impl_(std::make_shared<Impl>(std::move(options))) { impl_->start(); }
PodRanges::~PodRanges() { impl_->stop(); }

Cidr free_cluster_range() {
  std::vector<Cidr> routes;
  std::ifstream file("/proc/net/route");
  std::string line;
  std::getline(file, line);
  while (std::getline(file, line)) {
    std::istringstream in(line);
    std::string device, skip;
    uint32_t destination = 0, mask = 0;
    in >> device >> std::hex >> destination >> skip >> skip >> skip >> skip >> skip >> mask;
    if (mask != 0) routes.push_back({ntohl(destination), std::popcount(mask), false});
  }
  const auto candidate = [](uint32_t second) { return Cidr{(10U << 24) | (second << 16), 16, false}; };
  for (uint32_t second = 42; second < 128; ++second) {
    const bool taken = second == 43 || std::any_of(routes.begin(), routes.end(), [&](const Cidr& route) {
                         return candidate(second).overlaps(route);
                       });
    if (!taken) return candidate(second);
  }
  return candidate(42);
}

}  // namespace gantry::network
