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
#include "core/network/services/served_ranges.hpp"
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

// Of the condition Ready.
struct Said {
  std::string status, reason, message;
  bool operator==(const Said&) const = default;
};

struct Offered {
  std::vector<Cidr> ranges;
  bool finalizer = false;
  Said said;
  int64_t created_ns = 0;
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
    out.said = {condition.status(), condition.reason(), condition.message()};
  }
  out.created_ns = object.metadata().creation_timestamp().seconds() * 1'000'000'000;
  if (object.metadata().has_deletion_timestamp()) {
    out.deleted_ns = object.metadata().deletion_timestamp().seconds() * 1'000'000'000;
  }
  return out;
}

std::string condition_text(const Said& said, int64_t now_unix_ns) {
  return R"({"status":{"conditions":[{"type":"Ready","status":")" + said.status + R"(","reason":")" + said.reason +
         R"(","message":")" + said.message + R"(","lastTransitionTime":")" + schema::format_time(now_unix_ns) +
         R"("}]}})";
}

std::string finalizer_text(bool add) {
  return std::string(R"({"metadata":{")") + (add ? "" : "$deleteFromPrimitiveList/") + R"(finalizers":[")" +
         kFinalizer + R"("]}})";
}

}  // namespace

class RangeKeeper::Impl final : public Keeper {
 public:
  explicit Impl(RangeKeeperOptions options)
      : Keeper(options, "ServiceCIDR"),
        now_unix_ns_(std::move(options.now_unix_ns)),
        served_(std::move(options.ranges)) {}

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

  // Others, too, that are to be looked at by this.
  void put(const rangev1::ServiceCIDR& object, Names& names) {
    const auto& name = object.metadata().name();
    auto offered = offered_of(object);
    // Those that it had and has stay, so that nothing is looked at for them.
    if (!offered.deleted_ns) {
      for (const auto& range : offered.ranges) cover_.add(range);
    }
    forget(name);
    const bool changes = offered.deleted_ns
                             ? served_.drop(name)
                             : served_.put(name, {offered.ranges, offered.said.status == "True", offered.created_ns});
    if (offered.deleted_ns) leaving_.insert(name);
    known_[name] = std::move(offered);
    names.insert(name);
    if (changes) add_staying(names);
  }

  void drop(const std::string& name, Names& names) {
    forget(name);
    names.insert(name);
    if (served_.drop(name)) add_staying(names);
  }

  void forget(const std::string& name) {
    const auto found = known_.find(name);
    if (found == known_.end()) return;
    if (!found->second.deleted_ns) {
      for (const auto& range : found->second.ranges) cover_.remove(range);
    }
    leaving_.erase(name);
    known_.erase(found);
  }

  void add_staying(Names& names) const {
    for (const auto& [name, offered] : known_) {
      if (!offered.deleted_ns) names.insert(name);
    }
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
        put(*cidr, names);
        gone.erase(cidr->metadata().name());
      }
      for (const auto& name : gone) drop(name, names);
    }
    look(names);
  }

  void see_cidr(const client::WatchEvent& event) {
    const auto cidr = read<rangev1::ServiceCIDR>(event.object);
    if (!cidr) return;
    Names names;
    {
      const std::lock_guard lock(mutex_);
      if (event.type == client::WatchEvent::Type::kDeleted) {
        drop(cidr->metadata().name(), names);
      } else {
        put(*cidr, names);
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

  // Of one that stays: upstream's words where Services get addresses from it.
  Said wanted(const std::string& name) const {
    const auto answer = served_.answer(name);
    if (answer.all) return {"True", "", kReadyText};
    if (answer.any) return {"True", "", std::string(kReadyText) + "; " + answer.message};
    return {"False", answer.reason, answer.message};
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
      const auto said = wanted(name);
      return offered.said == said ? std::nullopt : std::optional(patch(condition_text(said, now), "status"));
    }
    if (!offered.finalizer || !addresses_known_) return std::nullopt;
    if (is_held(offered)) {
      const Said said{"False", "Terminating", kHeldText};
      return offered.said == said ? std::nullopt : std::optional(patch(condition_text(said, now), "status"));
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
  Names leaving_;        // of them those that are being deleted
  Names timed_;          // of these those that wait for their time
  ServedRanges served_;  // of those that stay
  RangeCover cover_;     // of those that stay, and the addresses that Services have
  bool addresses_known_ = false;
};

RangeKeeper::RangeKeeper(RangeKeeperOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {
  impl_->start();
}
RangeKeeper::~RangeKeeper() { impl_->stop(); }

}  // namespace gantry::network
