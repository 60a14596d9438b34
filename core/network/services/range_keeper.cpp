#include "core/network/services/range_keeper.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/client/reflector.hpp"
#include "core/network/cidr.hpp"
#include "core/network/services/keyed_steps.hpp"
#include "core/network/services/service_allocation.hpp"
#include "core/network/services/service_numbers.hpp"
#include "core/schema/values/values.hpp"
#include "gantry/abi/log.h"
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

// As addresses of an IPv4 range lie together, and those of an IPv6 one.
using Given = std::set<std::pair<bool, AddressBits>>;

}  // namespace

class RangeKeeper::Impl : public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(RangeKeeperOptions options) : options_(std::move(options)) {}

  void start() {
    KeyedStepsOptions steps;
    steps.client = options_.client;
    steps.schedule = options_.schedule;
    steps.next = [weak = weak_from_this()](const std::string& name) -> std::optional<client::ApiRequest> {
      const auto self = weak.lock();
      return self ? self->next(name) : std::nullopt;
    };
    steps.trouble = [log = options_.log](const std::string& name, const Status& why) {
      log(GANTRY_LOG_WARN, "ServiceCIDR " + name + " can't be written: " + why.message() + "; it is tried again");
    };
    steps_ = std::make_shared<KeyedSteps>(std::move(steps));
    cidrs_ = follow("servicecidrs", {}, &Impl::replace_cidrs, &Impl::see_cidr);
    addresses_ = follow("ipaddresses", std::string(kManagedBy) + "=" + std::string(kAddressManager),
                        &Impl::replace_addresses, &Impl::see_address);
  }
  void stop() {
    cidrs_.reset();
    addresses_.reset();
    steps_->stop();
  }

 private:
  using Reflector = std::unique_ptr<client::Reflector>;
  using Names = std::set<std::string>;

  Reflector follow(const char* resource, std::string selector, void (Impl::*replace)(const client::Client::List&),
                   void (Impl::*see)(const client::WatchEvent&)) {
    client::WatchRequest what;
    what.group = "networking.k8s.io";
    what.version = "v1";
    what.resource = resource;
    what.label_selector = std::move(selector);
    client::ReflectorHandler handler;
    handler.replace = [weak = weak_from_this(), replace](const client::Client::List& list) {
      if (const auto self = weak.lock()) (self.get()->*replace)(list);
    };
    handler.event = [weak = weak_from_this(), see](const client::WatchEvent& event) {
      if (const auto self = weak.lock()) (self.get()->*see)(event);
    };
    client::ReflectorOptions watching;
    watching.schedule = options_.schedule;
    watching.run = options_.run;
    return client::start_reflector(*options_.client, std::move(what), std::move(handler), std::move(watching));
  }

  void look(const Names& names) const {
    for (const auto& name : names) steps_->look(name);
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
    known_[name] = offered_of(object);
    if (known_[name].deleted_ns) {
      leaving_.insert(name);
    } else {
      leaving_.erase(name);
    }
  }

  void replace_cidrs(const client::Client::List& list) {
    Names names;
    {
      const std::lock_guard lock(mutex_);
      known_.clear();
      leaving_.clear();
      for (const auto& object : list.objects) {
        rangev1::ServiceCIDR read;
        if (!read.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()))) continue;
        put(read);
        names.insert(read.metadata().name());
      }
    }
    look(names);
  }

  void see_cidr(const client::WatchEvent& event) {
    rangev1::ServiceCIDR read;
    if (!read.ParseFromArray(event.object.bytes.data(), static_cast<int>(event.object.bytes.size()))) return;
    Names names{read.metadata().name()};
    {
      const std::lock_guard lock(mutex_);
      if (event.type == client::WatchEvent::Type::kDeleted) {
        known_.erase(read.metadata().name());
        leaving_.erase(read.metadata().name());
      } else {
        put(read);
      }
      add_leaving(names);
    }
    look(names);
  }

  void replace_addresses(const client::Client::List& list) {
    Names names;
    {
      const std::lock_guard lock(mutex_);
      given_.clear();
      for (const auto& object : list.objects) {
        if (const auto address = read_address(object)) given_.emplace(address->ipv6, address->bits);
      }
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
        given_.erase({address->ipv6, address->bits});
      } else {
        given_.emplace(address->ipv6, address->bits);
      }
      add_leaving(names, &*address);
    }
    look(names);
  }

  static std::optional<Address> read_address(const client::Object& object) {
    rangev1::IPAddress read;
    if (!read.ParseFromArray(object.bytes.data(), static_cast<int>(object.bytes.size()))) return std::nullopt;
    return Address::parse(read.metadata().name());
  }

  // Whether another one that stays has it.
  template <typename Has>
  bool elsewhere(const std::string& name, const Has& has) const {
    return std::ranges::any_of(known_, [&](const auto& other) {
      return other.first != name && !other.second.deleted_ns && std::ranges::any_of(other.second.ranges, has);
    });
  }

  // Whether an address that was given would be in no range any more.
  bool is_held(const std::string& name, const Offered& offered) const {
    for (const auto& range : offered.ranges) {
      const auto wider = [&](const Cidr& other) { return other.overlaps(range) && other.prefix <= range.prefix; };
      if (elsewhere(name, wider)) continue;
      for (auto it = given_.lower_bound({range.ipv6, range.base}); it != given_.end(); ++it) {
        const Address address{it->second, it->first};
        if (!range.contains(address)) break;
        if (!elsewhere(name, [&](const Cidr& other) { return ServiceNumbers::range_gives(other, address); }))
          return true;
      }
    }
    return false;
  }

  std::optional<client::ApiRequest> next(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(name);
    if (found == known_.end()) return std::nullopt;
    const auto& offered = found->second;
    using Patch = client::ApiRequest;
    const auto patch = [&](std::string json, std::string_view subresource = {}) {
      return client::patch_request(kCidrs, "", name, std::move(json), Patch::STRATEGIC_MERGE_PATCH, subresource);
    };
    const auto now = options_.now_unix_ns();
    if (!offered.deleted_ns) {
      if (!offered.finalizer) return patch(finalizer_text(true));
      return offered.ready ? std::nullopt : std::optional(patch(condition_text(true, now), "status"));
    }
    if (!offered.finalizer || !addresses_known_) return std::nullopt;
    if (is_held(name, offered)) {
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
    options_.schedule(delay_ms, [weak = weak_from_this(), name] {
      const auto self = weak.lock();
      if (!self) return;
      {
        const std::lock_guard lock(self->mutex_);
        self->timed_.erase(name);
      }
      self->steps_->look(name);
    });
  }

  inline static const client::ResourceRef kCidrs{"networking.k8s.io", "v1", "servicecidrs"};
  const RangeKeeperOptions options_;
  std::mutex mutex_;  // not held through calls
  std::map<std::string, Offered> known_;
  Names leaving_;  // of them those that are being deleted
  Names timed_;    // of these those that wait for their time
  Given given_;    // the addresses that Services have
  bool addresses_known_ = false;
  std::shared_ptr<KeyedSteps> steps_;
  Reflector cidrs_, addresses_;
};

RangeKeeper::RangeKeeper(RangeKeeperOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {
  impl_->start();
}
RangeKeeper::~RangeKeeper() { impl_->stop(); }

}  // namespace gantry::network
