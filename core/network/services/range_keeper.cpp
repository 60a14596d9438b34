#include "core/network/services/range_keeper.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/network/cidr.hpp"
#include "core/network/services/range_cover.hpp"
#include "core/network/services/service_allocation.hpp"
#include "core/schema/values/values.hpp"
#include "k8s.io/api/networking/v1/ip_address.pb.h"
#include "k8s.io/api/networking/v1/service_cidr.pb.h"

namespace gantry::network {
namespace {

namespace rangev1 = k8s::io::api::networking::v1;

constexpr char kFinalizer[] = "networking.k8s.io/service-cidr-finalizer";
constexpr char kReadyText[] = "Kubernetes Service CIDR is ready";
constexpr char kHeldText[] =
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";
// As upstream: Services that were given an address just before have it by then.
constexpr int64_t kGraceNs = 10'000'000'000;

struct Offered {
  std::vector<Cidr> ranges;
  bool finalizer = false, ready = false, held = false;  // what its condition says
  std::optional<int64_t> deleted_ns;
};

Offered offered_of(const rangev1::ServiceCIDR& object) {
  Offered out;
  for (const auto& text : object.spec().cidrs()) {
    if (const auto range = Cidr::parse(text)) out.ranges.push_back(*range);
  }
  for (const auto& finalizer : object.metadata().finalizers()) out.finalizer = out.finalizer || finalizer == kFinalizer;
  for (const auto& condition : object.status().conditions()) {
    if (condition.type() != "Ready") continue;
    out.ready = condition.status() == "True";
    out.held = condition.status() == "False" && condition.reason() == "Terminating";
  }
  if (object.metadata().has_deletion_timestamp()) {
    out.deleted_ns = object.metadata().deletion_timestamp().seconds() * 1'000'000'000;
  }
  return out;
}

std::string condition_text(bool ready, int64_t now_unix_ns) {
  return std::string(R"({"status":{"conditions":[{"type":"Ready","status":")") + (ready ? "True" : "False") +
         R"(","reason":")" + (ready ? "" : "Terminating") + R"(","message":")" + (ready ? kReadyText : kHeldText) +
         R"(","lastTransitionTime":")" + schema::format_time(now_unix_ns) + R"("}]}})";
}

std::string finalizer_text(bool add) {
  return std::string(R"({"metadata":{")") + (add ? "" : "$deleteFromPrimitiveList/") + R"(finalizers":[")" +
         kFinalizer + R"("]}})";
}

}  // namespace

class RangeKeeper::Impl final : public Keeper {
 public:
  explicit Impl(RangeKeeperOptions options)
      : Keeper(options, "ServiceCIDR"), now_unix_ns_(std::move(options.now_unix_ns)) {}

 private:
  void follow_all() override {
    follow(kCidrs, "", &Impl::replace_cidrs, &Impl::see_cidr);
    follow({"networking.k8s.io", "v1", "ipaddresses"}, std::string(kManagedBy) + "=" + std::string(kAddressManager),
           &Impl::replace_addresses, &Impl::see_address);
  }

  // Those that go, and that this may hold or release.
  void add_leaving(Names& names, const Address* address = nullptr) const {
    for (const auto& name : leaving_) {
      const auto& ranges = known_.at(name).ranges;
      const auto has = [&](const Cidr& range) { return range.contains(*address); };
      if (address == nullptr || std::ranges::any_of(ranges, has)) names.insert(name);
    }
  }

  void put(const rangev1::ServiceCIDR& object) {
    const auto& name = object.metadata().name();
    auto offered = offered_of(object);
    // Those that it had and has stay, so that nothing is looked at for them.
    if (!offered.deleted_ns) {
      for (const auto& range : offered.ranges) cover_.add(range);
    }
    drop(name);
    if (offered.deleted_ns) leaving_.insert(name);
    known_[name] = std::move(offered);
  }

  void drop(const std::string& name) {
    const auto found = known_.find(name);
    if (found == known_.end()) return;
    if (!found->second.deleted_ns) {
      for (const auto& range : found->second.ranges) cover_.remove(range);
    }
    leaving_.erase(name);
    known_.erase(found);
  }

  void replace_cidrs(const client::Client::List& list) {
    Names names;
    {
      const std::lock_guard lock(mutex_);
      Names gone;
      for (const auto& [name, offered] : known_) gone.insert(name);
      for (const auto& object : list.objects) {
        const auto cidr = read<rangev1::ServiceCIDR>(object);
        if (!cidr) continue;
        put(*cidr);
        gone.erase(cidr->metadata().name());
        names.insert(cidr->metadata().name());
      }
      for (const auto& name : gone) drop(name);
    }
    look(names);
  }

  void see_cidr(const client::WatchEvent& event) {
    const auto cidr = read<rangev1::ServiceCIDR>(event.object);
    if (!cidr) return;
    Names names{cidr->metadata().name()};
    {
      const std::lock_guard lock(mutex_);
      if (event.type == client::WatchEvent::Type::kDeleted) {
        drop(cidr->metadata().name());
      } else {
        put(*cidr);
      }
      add_leaving(names);
    }
    look(names);
  }

  void replace_addresses(const client::Client::List& list) {
    Names names;
    {
      const std::lock_guard lock(mutex_);
      std::vector<Address> given;
      for (const auto& object : list.objects) {
        if (const auto address = read_address(object)) given.push_back(*address);
      }
      cover_.give_all(given);
      addresses_known_ = true;
      add_leaving(names);
    }
    look(names);
  }

  void see_address(const client::WatchEvent& event) {
    const auto address = read_address(event.object);
    if (!address) return;
    Names names;
    {
      const std::lock_guard lock(mutex_);
      if (event.type == client::WatchEvent::Type::kDeleted) {
        cover_.take_back(*address);
      } else {
        cover_.give(*address);
      }
      add_leaving(names, &*address);
    }
    look(names);
  }

  static std::optional<Address> read_address(const client::Object& object) {
    const auto address = read<rangev1::IPAddress>(object);
    return address ? Address::parse(address->metadata().name()) : std::nullopt;
  }

  // Whether an address that was given would be in no range any more.
  bool is_held(const Offered& offered) const {
    return std::ranges::any_of(
        offered.ranges, [this](const Cidr& range) { return !cover_.contains(range) && cover_.leaves_out(range); });
  }

  std::optional<client::ApiRequest> next(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(name);
    if (found == known_.end()) return std::nullopt;
    const auto& offered = found->second;
    using Patch = client::ApiRequest;
    const auto patch = [&](std::string json, std::string_view subresource = {}) {
      return client::patch_request(kCidrs, "", name, std::move(json), Patch::STRATEGIC_MERGE_PATCH, subresource);
    };
    const auto now = now_unix_ns_();
    if (!offered.deleted_ns) {
      if (!offered.finalizer) return patch(finalizer_text(true));
      return offered.ready ? std::nullopt : std::optional(patch(condition_text(true, now), "status"));
    }
    if (!offered.finalizer || !addresses_known_) return std::nullopt;
    if (is_held(offered)) {
      return offered.held ? std::nullopt : std::optional(patch(condition_text(false, now), "status"));
    }
    const int64_t left = *offered.deleted_ns + kGraceNs - now;
    if (left <= 0) return patch(finalizer_text(false));
    wait(name, left / 1'000'000 + 1);
    return std::nullopt;
  }

  // Another look, once.
  void wait(const std::string& name, int64_t delay_ms) {
    if (!timed_.insert(name).second) return;
    call_after<Impl>(delay_ms, [name](Impl& self) {
      {
        const std::lock_guard lock(self.mutex_);
        self.timed_.erase(name);
      }
      self.look(name);
    });
  }

  inline static const client::ResourceRef kCidrs{"networking.k8s.io", "v1", "servicecidrs"};
  const std::function<int64_t()> now_unix_ns_;
  std::mutex mutex_;  // not held through calls
  std::map<std::string, Offered> known_;
  Names leaving_;     // of them those that are being deleted
  Names timed_;       // of these those that wait for their time
  RangeCover cover_;  // of those that stay, and the addresses that Services have
  bool addresses_known_ = false;
};

RangeKeeper::RangeKeeper(RangeKeeperOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {
  impl_->start();
}
RangeKeeper::~RangeKeeper() { impl_->stop(); }

}  // namespace gantry::network
