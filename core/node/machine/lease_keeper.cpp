#include "core/node/machine/lease_keeper.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "k8s.io/api/coordination/v1/lease.pb.h"

namespace gantry::node {
namespace {

constexpr int64_t kRenewMs = 10'000;
constexpr int64_t kFirstRenewalMs = 200, kLastRenewalMs = 7'000;
constexpr int32_t kDurationSeconds = 40;
constexpr const char* kNamespace = "kube-node-lease";

const client::ResourceRef& leases() {
  static const client::ResourceRef ref{"coordination.k8s.io", "v1", "leases"};
  return ref;
}

class LeaseRenewal final : public LeaseKeeper, public std::enable_shared_from_this<LeaseRenewal> {
 public:
  LeaseRenewal(const NodeOptions& options, std::string uid)
      : client_(*options.client),
        host_(options.plugins->options()),
        name_(options.node_name),
        uid_(std::move(uid)),
        options_(options) {}

  // From what is known if there is something, else from what the API has.
  void renew() {
    client::ApiRequest request;
    {
      const std::lock_guard lock(mutex_);
      if (lease_)
        request = write_locked();
      else
        request = client::get_request(leases(), kNamespace, name_);
    }
    send(std::move(request));
  }

 private:
  client::ApiRequest write_locked() {
    auto& spec = *lease_->mutable_spec();
    const int64_t now = host_.clock->now_unix_ns();
    spec.set_holder_identity(name_);
    spec.set_lease_duration_seconds(kDurationSeconds);
    spec.mutable_renew_time()->set_seconds(now / 1'000'000'000);
    spec.mutable_renew_time()->set_nanos(static_cast<int32_t>(now % 1'000'000'000 / 1000 * 1000));
    // A Lease of an earlier Node of this name would go with that one.
    auto& owners = *lease_->mutable_metadata()->mutable_owner_references();
    if (owners.empty() || owners[0].uid() != uid_) {
      owners.Clear();
      auto& owner = *owners.Add();
      owner.set_api_version("v1");
      owner.set_kind("Node");
      owner.set_name(name_);
      owner.set_uid(uid_);
    }
    const auto body = lease_->SerializeAsString();
    if (lease_->metadata().resource_version().empty()) return client::create_request(leases(), kNamespace, body);
    return client::update_request(leases(), kNamespace, name_, body);
  }

  void send(client::ApiRequest request) {
    const bool reading = request.verb() == client::ApiRequest::GET;
    client_.call(std::move(request), [weak = weak_from_this(), reading](const Expected<client::ApiResponse>& response) {
      if (const auto self = weak.lock()) self->answered(reading, client::parse_object<coordinationv1::Lease>(response));
    });
  }

  void answered(bool reading, Expected<coordinationv1::Lease> answer) {
    if (answer) {
      {
        const std::lock_guard lock(mutex_);
        lease_ = *std::move(answer);
        if (!reading) retry_ms_ = kFirstRenewalMs;
      }
      return reading ? renew() : later(kRenewMs);
    }
    const int code = answer.error().code();
    int64_t delay = 0;
    {
      const std::lock_guard lock(mutex_);
      lease_.reset();
      if (reading && code == 404) {
        lease_.emplace().mutable_metadata()->set_name(name_);
        lease_->mutable_metadata()->set_namespace_(kNamespace);
      }
      delay = lease_ ? 0 : retry_ms_;
      if (!lease_) retry_ms_ = std::min(retry_ms_ * 2, kLastRenewalMs);
    }
    if (delay == 0) return renew();
    // A conflict or a missing Lease is put right by reading it again; anything else is worth a line.
    if (code != 409 && code != 404)
      options_.trouble("lease-not-renewed", "renewing the lease of node " + name_ + ": " + answer.error().message());
    later(delay);
  }

  void later(int64_t delay_ms) {
    host_.timers->start(delay_ms, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->renew();
    });
  }

  client::Client& client_;
  const plugin::PluginHostOptions& host_;
  const std::string name_, uid_;
  const NodeOptions options_;
  std::mutex mutex_;
  std::optional<coordinationv1::Lease> lease_;
  int64_t retry_ms_ = kFirstRenewalMs;
};

}  // namespace

std::shared_ptr<LeaseKeeper> keep_lease(const NodeOptions& options, const std::string& node_uid) {
  auto keeper = std::make_shared<LeaseRenewal>(options, node_uid);
  keeper->renew();
  return keeper;
}

}  // namespace gantry::node
