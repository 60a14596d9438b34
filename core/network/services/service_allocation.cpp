#include "core/network/services/service_allocation.hpp"

#include <boost/json/parse.hpp>

#include "core/network/services/assignment.hpp"
#include "core/schema/rules/rules.hpp"
#include "gantry/abi/log.h"

namespace gantry::network {
namespace {

constexpr std::string_view kFolder = "//services/";  // of the store's keys

// What a write of a Service reserves, until it has ended. The last requests may end with the server, and outlive this.
class ServiceAllocation final : public admission::Step, public std::enable_shared_from_this<ServiceAllocation> {
 public:
  explicit ServiceAllocation(ServiceAllocationOptions options)
      : options_(std::move(options)),
        numbers_(options_.ranges, options_.random, [store = options_.store](const std::string& key, int64_t created) {
          const auto entry = store->get(key);
          return entry != nullptr && entry->create_revision == created;
        }) {}

  Status start() {
    auto stored = options_.store->list(kFolder);
    if (!stored) return std::move(stored).error();
    for (const auto& entry : stored->entries) load(*entry);
    auto watch = options_.store->watch(kFolder, stored->revision,
                                       [this](const store::EventPtr* events, size_t count, store::Revision) {
                                         for (size_t i = 0; i < count; ++i) {
                                           const auto& event = *events[i];
                                           if (event.type == store::EventType::kDelete)
                                             numbers_.forget(event.entry->key, event.entry->create_revision);
                                         }
                                       });
    if (!watch) return std::move(watch).error();
    watch_ = std::move(*watch);
    return {};
  }

  std::string_view name() const override { return "ServiceAllocation"; }
  bool handles(const admission::WriteRequest& request) const override {
    return request.is_about("", "services") && request.object != nullptr && request.object->is_object() &&
           (request.operation == admission::Operation::kCreate || request.operation == admission::Operation::kUpdate);
  }

  admission::Answer mutate(admission::WriteRequest& request, admission::Pause&) const override {
    auto& service = request.object->get_object();
    auto* spec = schema::get_object(service, "spec");
    const auto* old = request.old == nullptr ? nullptr : request.old->if_object();
    if (spec == nullptr) return admission::kPass;
    Assignment assignment(numbers_, *spec, old == nullptr ? nullptr : &schema::object_at(*old, "spec"),
                          request.dry_run);
    auto status = assignment.run();
    auto reserved = assignment.reserved();
    const bool changes =
        !reserved.empty() || (old != nullptr && numbers_.claims_of(*old) != numbers_.claims_of(service));
    if (changes) {
      request.at_end.push_back([weak = weak_from_this(), &request, reserved = std::move(reserved)] {
        if (const auto self = weak.lock()) self->settle(request, reserved);
      });
    }
    if (status.ok() && !assignment.errors().empty()) {
      status = schema::invalid_status(*request.kind, request.name, assignment.errors().take());
    }
    return status;
  }

 private:
  ServiceNumbers::Held held_by(const store::Entry& entry) const {
    boost::system::error_code failed;
    const auto document = boost::json::parse(entry.value, failed);
    const bool good = !failed && document.is_object();
    return {entry.create_revision, good ? numbers_.claims_of(document.get_object()) : Claims()};
  }

  void load(const store::Entry& entry) {
    for (const auto& claim : numbers_.hold(entry.key, held_by(entry))) {
      const auto what = claim.pool == Claim::kPorts ? "node port " + std::to_string(numbers_.port_of(claim))
                                                    : "cluster IP " + numbers_.address_of(claim).text();
      options_.log(GANTRY_LOG_WARN, "Service " + entry.key.substr(kFolder.size()) + ": another Service has the " +
                                        what + ", too; delete and create one of them");
    }
  }

  // What is stored of the Service now counts, whatever came of this request.
  void settle(const admission::WriteRequest& request, const Claims& reserved) const {
    std::string key(kFolder);
    key.append(request.ns).append("/").append(request.name);
    const auto look = [&]() -> std::optional<ServiceNumbers::Held> {
      const auto entry = options_.store->get(key);
      if (!entry) return std::nullopt;
      return held_by(*entry);
    };
    numbers_.settle(key, look, reserved);
  }

  const ServiceAllocationOptions options_;
  mutable ServiceNumbers numbers_;
  std::unique_ptr<store::Watch> watch_;  // ends first: its callback uses the rest
};

}  // namespace

Expected<admission::StepPtr> make_service_allocation(ServiceAllocationOptions options) {
  auto step = std::make_shared<ServiceAllocation>(std::move(options));
  if (auto status = step->start(); !status.ok()) return status;
  return admission::StepPtr(std::move(step));
}

}  // namespace gantry::network
