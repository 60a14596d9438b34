#include "core/network/services/service_allocation.hpp"

#include <boost/json/parse.hpp>
#include <set>

#include "core/network/services/assignment.hpp"
#include "core/network/services/key_inbox.hpp"
#include "core/schema/rules/rules.hpp"
#include "gantry/abi/log.h"

namespace gantry::network {
namespace {

using schema::get_text;
using schema::JsonObject;
using schema::object_at;

// Of the store's keys.
constexpr std::string_view kServices = "//services/", kAddresses = "/networking.k8s.io/ipaddresses//",
                           kCidrs = "/networking.k8s.io/servicecidrs//";
constexpr std::string_view kFolders[] = {kServices, kAddresses, kCidrs};

JsonObject parsed(const store::Entry& entry) {
  boost::system::error_code failed;
  auto document = boost::json::parse(entry.value, failed);
  return !failed && document.is_object() ? std::move(document.get_object()) : JsonObject();
}

bool is_managed(const JsonObject& address) {
  return get_text(object_at(object_at(address, "metadata"), "labels"), kManagedBy) == kAddressManager;
}

// What an IPAddress of this name takes away from Services.
Claims claims_of_address(const JsonObject& object, std::string_view name) {
  const auto address = Address::parse(name);
  if (!address || is_managed(object)) return {};
  return {ServiceNumbers::claim_of(*address)};
}

// The ranges of a ServiceCIDR that is neither about to go nor said not to be ready.
std::vector<Cidr> offered_by(const JsonObject& object) {
  if (schema::get(object_at(object, "metadata"), "deletionTimestamp") != nullptr) return {};
  bool ready = true;
  schema::each(object_at(object, "status"), "conditions", [&](const JsonObject& condition) {
    if (get_text(condition, "type") == "Ready") ready = get_text(condition, "status") == "True";
  });
  std::vector<Cidr> out;
  const auto* ranges = schema::get_array(object_at(object, "spec"), "cidrs");
  for (size_t i = 0; ready && ranges != nullptr && i < ranges->size(); ++i) {
    const auto* text = (*ranges)[i].if_string();
    if (const auto range = Cidr::parse(text != nullptr ? std::string_view(*text) : std::string_view())) {
      out.push_back(*range);
    }
  }
  return out;
}

// What a write of a Service reserves, until it has ended. The last requests may end with the server, and outlive this.
class ServiceAllocation final : public admission::Step, public std::enable_shared_from_this<ServiceAllocation> {
 public:
  explicit ServiceAllocation(ServiceAllocationOptions options)
      : options_(std::move(options)),
        numbers_(options_.ranges, options_.random, [store = options_.store](const std::string& key, int64_t created) {
          const auto entry = store->get(key);
          return entry != nullptr && entry->create_revision == created;
        }) {}

  ~ServiceAllocation() override {
    watches_.clear();
    if (inbox_) inbox_->stop();
  }
  ServiceAllocation(const ServiceAllocation&) = delete;
  ServiceAllocation& operator=(const ServiceAllocation&) = delete;

  Status start() {
    std::vector<store::Revision> loaded;
    for (const auto folder : kFolders) {
      auto stored = options_.store->list(folder);
      if (!stored) return std::move(stored).error();
      for (const auto& entry : stored->entries) load(*entry);
      loaded.push_back(stored->revision);
    }
    inbox_ = std::make_shared<KeyInbox>(options_.run, [this](KeyInbox::Keys keys) { look(std::move(keys)); });
    for (size_t i = 0; i < std::size(kFolders); ++i) {
      if (auto status = follow(kFolders[i], loaded[i]); !status.ok()) return status;
    }
    return {};
  }

  std::string_view name() const override { return "ServiceAllocation"; }
  bool handles(const admission::WriteRequest& request) const override {
    if (request.object == nullptr || !request.object->is_object()) return false;
    if (request.creates("networking.k8s.io", "ipaddresses")) return true;
    return request.is_about("", "services") &&
           (request.operation == admission::Operation::kCreate || request.operation == admission::Operation::kUpdate);
  }

  admission::Answer mutate(admission::WriteRequest& request, admission::Pause&) const override {
    auto& object = request.object->get_object();
    return request.kind->group.empty() ? assign(request, object) : reserve(request, object);
  }

 private:
  Status assign(admission::WriteRequest& request, JsonObject& service) const {
    auto* spec = schema::get_object(service, "spec");
    const auto* old = request.old == nullptr ? nullptr : request.old->if_object();
    if (spec == nullptr) return {};
    Assignment assignment(numbers_, *spec, old == nullptr ? nullptr : &object_at(*old, "spec"), request.dry_run);
    auto status = assignment.run();
    auto reserved = assignment.reserved();
    const bool changes =
        !reserved.empty() || (old != nullptr && numbers_.claims_of(*old) != numbers_.claims_of(service));
    if (changes) settle_at_end(request, std::move(reserved));
    if (status.ok() && !assignment.errors().empty()) {
      status = schema::invalid_status(*request.kind, request.name, assignment.errors().take());
    }
    return status;
  }

  // Upstream's Services have an IPAddress before they are stored: whoever makes one of that name comes too late.
  Status reserve(admission::WriteRequest& request, const JsonObject& object) const {
    auto claims = claims_of_address(object, request.name);
    if (claims.empty()) return {};
    if (!numbers_.reserve(claims.front())) return schema::already_exists(*request.kind, request.name);
    settle_at_end(request, std::move(claims));
    return {};
  }

  void settle_at_end(admission::WriteRequest& request, Claims reserved) const {
    request.at_end.push_back([weak = weak_from_this(), &request, reserved = std::move(reserved)] {
      if (const auto self = weak.lock()) self->settle(request, reserved);
    });
  }

  ServiceNumbers::Held held_by(const store::Entry& entry) const {
    return {entry.create_revision, numbers_.claims_of(parsed(entry))};
  }
  static ServiceNumbers::Held held_by_address(const store::Entry& entry) {
    return {entry.create_revision, claims_of_address(parsed(entry), entry.key.substr(kAddresses.size()))};
  }

  std::optional<ServiceNumbers::Held> held_now(const std::string& key) const {
    const auto entry = options_.store->get(key);
    if (!entry) return std::nullopt;
    return key.starts_with(kServices) ? held_by(*entry) : held_by_address(*entry);
  }

  void load(const store::Entry& entry) {
    if (entry.key.starts_with(kCidrs)) return offer(entry.key, offered_by(parsed(entry)));
    const bool service = entry.key.starts_with(kServices);
    const auto shared = numbers_.hold(entry.key, service ? held_by(entry) : held_by_address(entry));
    for (const auto& claim : service ? shared : Claims()) {
      const auto what = claim.pool == Claim::kPorts ? "node port " + std::to_string(numbers_.port_of(claim))
                                                    : "cluster IP " + numbers_.address_of(claim).text();
      options_.log(GANTRY_LOG_WARN, "Service " + entry.key.substr(kServices.size()) + ": another Service has the " +
                                        what + ", too; delete and create one of them");
    }
  }

  // On the store's thread, which tells others, too: nothing is read here.
  Status follow(std::string_view folder, store::Revision from) {
    const bool ends_alone = folder == kServices;  // of the rest their requests tell
    auto watch = options_.store->watch(
        folder, from, [inbox = inbox_, ends_alone](const store::EventPtr* events, size_t count, store::Revision) {
          for (size_t i = 0; i < count; ++i) {
            if (!ends_alone || events[i]->type == store::EventType::kDelete) inbox->put(events[i]->entry->key);
          }
        });
    if (!watch) return std::move(watch).error();
    watches_.push_back(std::move(*watch));
    return {};
  }

  // What is stored now counts: word of an older version may come late.
  void look(KeyInbox::Keys keys) {
    if (keys.empty()) keys = all_keys();
    bool ranges = false;
    for (const auto& key : keys) {
      if (key.starts_with(kCidrs)) {
        ranges = true;
        look_at_range(key);
      } else {
        numbers_.see(key, [&] { return held_now(key); });
      }
    }
    // Another one may have gone.
    for (const auto& key : ranges ? std::set(told_) : std::set<std::string>()) look_at_range(key);
  }

  void look_at_range(const std::string& key) {
    const auto entry = options_.store->get(key);
    offer(key, entry ? offered_by(parsed(*entry)) : std::vector<Cidr>());
  }

  KeyInbox::Keys all_keys() const {
    auto keys = numbers_.keys();
    for (const auto folder : kFolders) {
      const auto stored = options_.store->list(folder);
      for (size_t i = 0; stored && i < stored->entries.size(); ++i) keys.push_back(stored->entries[i]->key);
    }
    return keys;
  }

  // At the start, and then by look() alone.
  void offer(const std::string& key, std::vector<Cidr> ranges) {
    std::erase_if(ranges, [this](const Cidr& range) { return options_.ranges.of_family(range.ipv6) == nullptr; });
    const auto left_out = numbers_.offer(key, std::move(ranges));
    if (left_out.empty()) {
      told_.erase(key);
      return;
    }
    if (!told_.insert(key).second) return;
    for (const auto& range : left_out) {
      options_.log(GANTRY_LOG_WARN, "ServiceCIDR " + key.substr(kCidrs.size()) + ": no Service gets an address from " +
                                        range.text() + ": there are " + std::to_string(ServiceNumbers::kMostRanges) +
                                        " others");
    }
  }

  // What is stored of the object now counts, whatever came of this request.
  void settle(const admission::WriteRequest& request, const Claims& reserved) const {
    std::string key(request.kind->group.empty() ? kServices : kAddresses);
    if (request.kind->group.empty()) key.append(request.ns).append("/");
    key.append(request.name);
    numbers_.settle(
        key, [&] { return held_now(key); }, reserved);
  }

  const ServiceAllocationOptions options_;
  mutable ServiceNumbers numbers_;
  std::set<std::string> told_;  // ServiceCIDRs of which ranges are left out
  std::shared_ptr<KeyInbox> inbox_;
  std::vector<std::unique_ptr<store::Watch>> watches_;  // end first: their callbacks use the rest
};

}  // namespace

Expected<admission::StepPtr> make_service_allocation(ServiceAllocationOptions options) {
  auto step = std::make_shared<ServiceAllocation>(std::move(options));
  if (auto status = step->start(); !status.ok()) return status;
  return admission::StepPtr(std::move(step));
}

}  // namespace gantry::network
