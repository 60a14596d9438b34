#include "core/network/services/served_ranges.hpp"

#include <algorithm>
#include <utility>

#include "core/network/services/service_numbers.hpp"

namespace gantry::network {

ServedRanges::ServedRanges(ServiceRanges configured) : configured_(std::move(configured)) {}

bool ServedRanges::put(const std::string& name, Offer offer) {
  if (const auto found = offers_.find(name); found != offers_.end()) ranks_.erase(rank_of(name, found->second));
  ranks_.insert(rank_of(name, offer));
  offers_[name] = std::move(offer);
  return choose();
}

bool ServedRanges::drop(const std::string& name) {
  const auto found = offers_.find(name);
  if (found == offers_.end()) return false;
  ranks_.erase(rank_of(name, found->second));
  offers_.erase(found);
  return choose();
}

bool ServedRanges::is_served(const Cidr& range) const {
  const auto has = [&](const std::vector<Cidr>& ranges) { return std::ranges::find(ranges, range) != ranges.end(); };
  return has(configured_.addresses) || has(served_);
}

// Looks at as many as there is room for.
bool ServedRanges::choose() {
  const auto before = std::exchange(served_, {});
  for (auto rank = ranks_.begin(); rank != ranks_.end() && served_.size() < ServiceNumbers::kMostRanges; ++rank) {
    for (const auto& range : offers_.at(std::get<2>(*rank)).ranges) {
      const bool room = served_.size() < ServiceNumbers::kMostRanges;
      if (room && configured_.of_family(range.ipv6) != nullptr && !is_served(range)) served_.push_back(range);
    }
  }
  return !std::ranges::is_permutation(before, served_);
}

ServedRanges::Answer ServedRanges::answer(const std::string& name) const {
  Answer out;
  const auto found = offers_.find(name);
  for (const auto& range : found == offers_.end() ? std::vector<Cidr>() : found->second.ranges) {
    if (is_served(range)) {
      out.any = true;
      continue;
    }
    if (!std::exchange(out.all, false)) continue;
    const std::string no = "no Service gets an address from " + range.text() + ": ";
    if (configured_.of_family(range.ipv6) == nullptr) {
      out.reason = "FamilyNotConfigured";
      out.message = no + "the cluster is not configured for " + (range.ipv6 ? "IPv6" : "IPv4");
    } else {
      out.reason = "TooManyRanges";
      out.message = no + "there are " + std::to_string(ServiceNumbers::kMostRanges) + " others";
    }
  }
  return out;
}

}  // namespace gantry::network
