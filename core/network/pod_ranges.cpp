#include "core/network/pod_ranges.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <fstream>
#include <sstream>
#include <vector>

#include "gantry/abi/log.h"
#include "k8s.io/api/core/v1/node.pb.h"

namespace gantry::network {
namespace {

bool has_range(std::string_view bytes) {
  k8s::io::api::core::v1::Node node;
  return node.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) && !node.spec().pod_cidr().empty();
}

uint32_t mask_of(int prefix) { return prefix == 0 ? 0 : ~uint32_t{0} << (32 - prefix); }

}  // namespace

Expected<Cidr> Cidr::parse(std::string_view text) {
  const size_t slash = text.find('/');
  int prefix = -1;
  if (slash != text.npos) {
    const auto [end, error] = std::from_chars(text.data() + slash + 1, text.data() + text.size(), prefix);
    if (error != std::errc() || end != text.data() + text.size()) prefix = -1;
  }
  in_addr raw{};
  if (prefix < 0 || prefix > 32 || ::inet_pton(AF_INET, std::string(text.substr(0, slash)).c_str(), &raw) != 1) {
    return Status::invalid("\"" + std::string(text) + "\" is not an IPv4 range such as 10.42.0.0/16");
  }
  return Cidr{ntohl(raw.s_addr) & mask_of(prefix), prefix};
}

std::string Cidr::text() const {
  const in_addr raw{htonl(base)};
  std::array<char, INET_ADDRSTRLEN> address;
  ::inet_ntop(AF_INET, &raw, address.data(), address.size());
  return std::string(address.data()) + "/" + std::to_string(prefix);
}

bool Cidr::overlaps(const Cidr& other) const {
  const uint32_t mask = mask_of(std::min(prefix, other.prefix));
  return (base & mask) == (other.base & mask);
}

RangePool::RangePool(Cidr cluster, int node_prefix)
    : cluster_(cluster), node_prefix_(std::clamp(node_prefix, cluster.prefix, 30)) {}

void RangePool::take(const Cidr& range) { taken_.insert(range.base); }
void RangePool::give_back(const Cidr& range) { taken_.erase(range.base); }

Expected<Cidr> RangePool::next() {
  const uint64_t count = uint64_t{1} << (node_prefix_ - cluster_.prefix);
  const uint32_t step = uint32_t{1} << (32 - node_prefix_);
  uint32_t base = cluster_.base;
  for (uint64_t i = 0; i < count; ++i, base += step) {
    if (!taken_.contains(base)) return Cidr{base, node_prefix_};
  }
  return Status::unavailable("every range of " + cluster_.text() + " belongs to a node");
}

PodRanges::PodRanges(client::Client& client, Cidr cluster, std::function<void(int64_t, std::function<void()>)> schedule,
                     std::function<void(int32_t, std::string_view)> log)
    : client_(client), log_(std::move(log)), pool_(cluster, 24) {
  client::WatchRequest what;
  what.version = "v1";
  what.resource = "nodes";
  client::ReflectorHandler handler;
  handler.replace = [this](const client::Client::List& list) {
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [node, range] : by_node_) pool_.give_back(range);
      by_node_.clear();
    }
    // Ranges that nodes have come first, so that none of them is given to another.
    for (const bool with_range : {true, false}) {
      for (const auto& object : list.objects) {
        if (has_range(object.bytes) == with_range) see(object.bytes, false);
      }
    }
  };
  handler.event = [this](const client::WatchEvent& event) {
    see(event.object.bytes, event.type == client::WatchEvent::Type::kDeleted);
  };
  nodes_ = client::start_reflector(client_, std::move(what), std::move(handler), std::move(schedule));
}

PodRanges::~PodRanges() { nodes_.reset(); }

void PodRanges::see(std::string_view bytes, bool deleted) {
  k8s::io::api::core::v1::Node node;
  if (!node.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  const auto& name = node.metadata().name();
  {
    const std::lock_guard lock(mutex_);
    if (deleted) {
      if (const auto it = by_node_.find(name); it != by_node_.end()) {
        pool_.give_back(it->second);
        by_node_.erase(it);
      }
      return;
    }
    if (const auto range = Cidr::parse(node.spec().pod_cidr())) {
      pool_.take(*range);
      by_node_[name] = *range;
      return;
    }
    if (by_node_.contains(name)) return;  // its range is on the way
  }
  assign(name);
}

void PodRanges::assign(const std::string& node) {
  Cidr range;
  {
    const std::lock_guard lock(mutex_);
    const auto next = pool_.next();
    if (!next) {
      log_(GANTRY_LOG_ERROR, "node " + node + " gets no pod range: " + next.error().message());
      return;
    }
    range = *next;
    pool_.take(range);
    by_node_[node] = range;
  }
  const std::string text = range.text();
  auto request = client::patch_request({"", "v1", "nodes"}, "", node,
                                       R"({"spec":{"podCIDR":")" + text + R"(","podCIDRs":[")" + text + "\"]}}",
                                       client::ApiRequest::MERGE_PATCH);
  client_.call(std::move(request), [log = log_, node, text](const Expected<client::ApiResponse>& answer) {
    if (answer)
      log(GANTRY_LOG_INFO, "node " + node + " has the pod range " + text);
    else
      log(GANTRY_LOG_WARN, "giving node " + node + " the pod range " + text + ": " + answer.error().message());
  });
}

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
    if (mask != 0) routes.push_back({ntohl(destination), std::popcount(mask)});
  }
  for (uint32_t second = 42; second < 128; ++second) {
    const Cidr candidate{(10U << 24) | (second << 16), 16};
    const bool taken = second == 43 || std::any_of(routes.begin(), routes.end(),
                                                   [&](const Cidr& route) { return candidate.overlaps(route); });
    if (!taken) return candidate;
  }
  return {(10U << 24) | (42U << 16), 16};
}

}  // namespace gantry::network
