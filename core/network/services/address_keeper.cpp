#include "core/network/services/address_keeper.hpp"

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "core/network/cidr.hpp"
#include "core/network/services/service_allocation.hpp"
#include "k8s.io/api/core/v1/service.pb.h"
#include "k8s.io/api/networking/v1/ip_address.pb.h"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/options.pb.h"

namespace gantry::network {
namespace {

namespace keptv1 = k8s::io::api::networking::v1;
namespace keptmeta = k8s::io::apimachinery::pkg::apis::meta::v1;

constexpr char kFamilyLabel[] = "ipaddress.kubernetes.io/ip-family";

using Owner = std::pair<std::string, std::string>;  // namespace and name of a Service

// Of a Service: who it is, and its addresses as they are the names of IPAddresses.
struct Served {
  Owner owner;
  std::set<std::string> addresses;
};

Served served_by(const k8s::io::api::core::v1::Service& service) {
  Served out{{service.metadata().namespace_(), service.metadata().name()}, {}};
  if (service.spec().type() == "ExternalName") return out;
  for (const auto& text : service.spec().cluster_ips()) {
    if (const auto address = Address::parse(text)) out.addresses.insert(address->text());
  }
  return out;
}

struct Known {
  std::string uid;
  std::optional<Owner> owner;  // the Service that it names
  bool managed = false;        // by us
  bool labeled = false;        // as ours are
};

const char* family_of(const std::string& address) { return address.find(':') == std::string::npos ? "IPv4" : "IPv6"; }

Known known_of(const keptv1::IPAddress& address) {
  const auto value = [&](std::string_view key) {
    const auto found = address.metadata().labels().find(std::string(key));
    return found == address.metadata().labels().end() ? std::string() : found->second;
  };
  Known out{address.metadata().uid(), std::nullopt, value(kManagedBy) == kAddressManager, false};
  out.labeled = out.managed && value(kFamilyLabel) == family_of(address.metadata().name());
  const auto& parent = address.spec().parent_ref();
  if (parent.group().empty() && parent.resource() == "services") out.owner = Owner(parent.namespace_(), parent.name());
  return out;
}

keptv1::IPAddress address_for(const std::string& name, const Owner& owner) {
  keptv1::IPAddress out;
  out.mutable_metadata()->set_name(name);
  auto& labels = *out.mutable_metadata()->mutable_labels();
  labels[kFamilyLabel] = family_of(name);
  labels[std::string(kManagedBy)] = kAddressManager;
  auto& parent = *out.mutable_spec()->mutable_parent_ref();
  parent.set_resource("services");
  parent.set_namespace_(owner.first);
  parent.set_name(owner.second);
  return out;
}

}  // namespace

class AddressKeeper::Impl final : public Keeper {
 public:
  explicit Impl(AddressKeeperOptions options) : Keeper(std::move(options), "IPAddress") {}

 private:
  void follow_all() override {
    follow({"", "v1", "services"}, "", &Impl::replace_services, &Impl::see_service);
    follow(kAddresses, "", &Impl::replace_addresses, &Impl::see_address);
  }

  // Names that another look is due for.
  void set_service(const Owner& owner, Names addresses, Names& changed) {
    const auto had = std::exchange(has_[owner], std::move(addresses));
    const auto& has = has_[owner];
    for (const auto& name : had) {
      if (has.contains(name)) continue;
      auto& owners = owners_[name];
      owners.erase(owner);
      if (owners.empty()) owners_.erase(name);
      changed.insert(name);
    }
    for (const auto& name : has) {
      if (had.contains(name)) continue;
      owners_[name].insert(owner);
      changed.insert(name);
    }
    if (has.empty()) has_.erase(owner);
  }

  void replace_services(const client::Client::List& list) {
    Names changed;
    {
      const std::lock_guard lock(mutex_);
      auto before = has_;
      for (const auto& object : list.objects) {
        const auto service = read<k8s::io::api::core::v1::Service>(object);
        if (!service) continue;
        auto served = served_by(*service);
        before.erase(served.owner);
        set_service(served.owner, std::move(served.addresses), changed);
      }
      for (const auto& [owner, names] : before) set_service(owner, {}, changed);
      services_known_ = true;
      for (const auto& [name, known] : known_) changed.insert(name);
    }
    look(changed);
  }

  void see_service(const client::WatchEvent& event) {
    const auto service = read<k8s::io::api::core::v1::Service>(event.object);
    if (!service) return;
    auto served = served_by(*service);
    if (event.type == client::WatchEvent::Type::kDeleted) served.addresses.clear();
    Names changed;
    {
      const std::lock_guard lock(mutex_);
      set_service(served.owner, std::move(served.addresses), changed);
    }
    look(changed);
  }

  void replace_addresses(const client::Client::List& list) {
    Names changed;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [name, known] : known_) changed.insert(name);
      for (const auto& [name, owners] : owners_) changed.insert(name);
      known_.clear();
      for (const auto& object : list.objects) {
        const auto address = read<keptv1::IPAddress>(object);
        if (!address) continue;
        known_[address->metadata().name()] = known_of(*address);
        changed.insert(address->metadata().name());
      }
      addresses_known_ = true;
    }
    look(changed);
  }

  void see_address(const client::WatchEvent& event) {
    const auto address = read<keptv1::IPAddress>(event.object);
    if (!address) return;
    const auto& name = address->metadata().name();
    {
      const std::lock_guard lock(mutex_);
      if (event.type != client::WatchEvent::Type::kDeleted) {
        known_[name] = known_of(*address);
      } else {
        forget(name, address->metadata().uid());
      }
    }
    look(name);
  }

  // Another one may have the name by now.
  void forget(const std::string& name, const std::string& uid) {
    const auto found = known_.find(name);
    if (found != known_.end() && found->second.uid == uid) known_.erase(found);
  }

  // What has to be otherwise is made anew: whom an IPAddress names can't be changed.
  std::optional<client::ApiRequest> next(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    if (!services_known_ || !addresses_known_) return std::nullopt;
    const auto owners = owners_.find(name);
    const auto known = known_.find(name);
    if (owners == owners_.end()) {
      if (known == known_.end() || !known->second.managed) return std::nullopt;
    } else if (known == known_.end()) {
      return client::create_request(kAddresses, "", address_for(name, *owners->second.begin()).SerializeAsString());
    } else if (known->second.labeled && known->second.owner && owners->second.contains(*known->second.owner)) {
      return std::nullopt;
    }
    auto request = client::delete_request(kAddresses, "", name);
    keptmeta::DeleteOptions options;
    options.mutable_preconditions()->set_uid(known->second.uid);
    request.set_body(options.SerializeAsString());
    return request;
  }

  inline static const client::ResourceRef kAddresses{"networking.k8s.io", "v1", "ipaddresses"};
  std::mutex mutex_;                               // not held through calls
  std::map<Owner, Names> has_;                     // Services that have addresses
  std::map<std::string, std::set<Owner>> owners_;  // by address
  std::map<std::string, Known> known_;             // IPAddresses
  bool services_known_ = false, addresses_known_ = false;
};

AddressKeeper::AddressKeeper(AddressKeeperOptions options) : impl_(std::make_shared<Impl>(std::move(options))) {
  impl_->start();
}
AddressKeeper::~AddressKeeper() { impl_->stop(); }

}  // namespace gantry::network
