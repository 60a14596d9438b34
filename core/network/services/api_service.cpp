#include "core/network/services/api_service.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <mutex>
#include <optional>
#include <utility>

#include "core/client/reflector.hpp"
#include "core/network/retry.hpp"
#include "gantry/abi/log.h"
#include "k8s.io/api/core/v1/endpoints.pb.h"
#include "k8s.io/api/core/v1/service.pb.h"
#include "k8s.io/api/discovery/v1/endpoint_slice.pb.h"
#include "k8s.io/api/networking/v1/service_cidr.pb.h"

namespace gantry::network {
namespace {

namespace corev1 = k8s::io::api::core::v1;
namespace discoveryv1 = k8s::io::api::discovery::v1;
namespace networkingv1 = k8s::io::api::networking::v1;

constexpr char kName[] = "kubernetes", kPortName[] = "https", kTcp[] = "TCP";
constexpr int kServicePort = 443;
constexpr int kFailuresToTell = 3;

// What is to be written instead of the object that is there (null: none); nothing when it is as it should be.
using Wanted = std::function<std::optional<std::string>(const std::string* current)>;

// Maps in the order of their keys, so that equal messages have equal bytes.
std::string bytes_of(const google::protobuf::MessageLite& message) {
  std::string out;
  {
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return out;
}

// `fill` puts into a message what has to be there; the rest of an object stays as somebody wrote it.
template <typename Message>
Wanted keep(std::function<void(Message&)> fill) {
  return [fill = std::move(fill)](const std::string* current) -> std::optional<std::string> {
    Message now;
    if (current != nullptr && !now.ParseFromString(*current)) return std::nullopt;
    Message next = now;
    next.mutable_metadata()->set_name(kName);
    fill(next);
    auto bytes = bytes_of(next);
    if (current != nullptr && bytes == bytes_of(now)) return std::nullopt;
    return bytes;
  };
}

void label(google::protobuf::Map<std::string, std::string>& labels, const std::string& key, const std::string& value) {
  const auto found = labels.find(key);
  if (found == labels.end() || found->second != value) labels[key] = value;
}

Wanted service(const Address& address, int port) {
  return keep<corev1::Service>([address, port](corev1::Service& service) {
    auto& labels = *service.mutable_metadata()->mutable_labels();
    label(labels, "component", "apiserver");
    label(labels, "provider", "kubernetes");
    auto& spec = *service.mutable_spec();
    if (spec.cluster_ip().empty()) {
      spec.set_cluster_ip(address.text());
      spec.set_type("ClusterIP");
      spec.set_session_affinity("None");
    }
    if (spec.ports_size() != 1) spec.clear_ports();
    auto& only = spec.ports_size() == 0 ? *spec.add_ports() : *spec.mutable_ports(0);
    only.set_name(kPortName);
    only.set_protocol(kTcp);
    only.set_port(kServicePort);
    if (only.target_port().int_val() == port && only.target_port().type() == 0) return;
    only.mutable_target_port()->set_type(0);
    only.mutable_target_port()->set_int_val(port);
  });
}

Wanted endpoints(const Address& server, int port) {
  return keep<corev1::Endpoints>([server, port](corev1::Endpoints& endpoints) {
    label(*endpoints.mutable_metadata()->mutable_labels(), "endpointslice.kubernetes.io/skip-mirror", "true");
    if (endpoints.subsets_size() != 1) endpoints.clear_subsets();
    auto& subset = endpoints.subsets_size() == 0 ? *endpoints.add_subsets() : *endpoints.mutable_subsets(0);
    subset.clear_addresses();
    subset.clear_not_ready_addresses();
    subset.clear_ports();
    subset.add_addresses()->set_ip(server.text());
    auto& only = *subset.add_ports();
    only.set_name(kPortName);
    only.set_port(port);
    only.set_protocol(kTcp);
  });
}

Wanted slice(const Address& server, int port) {
  return keep<discoveryv1::EndpointSlice>([server, port](discoveryv1::EndpointSlice& slice) {
    label(*slice.mutable_metadata()->mutable_labels(), "kubernetes.io/service-name", kName);
    if (slice.address_type().empty()) slice.set_address_type(server.ipv6 ? "IPv6" : "IPv4");
    slice.clear_endpoints();
    slice.clear_ports();
    auto& endpoint = *slice.add_endpoints();
    endpoint.add_addresses(server.text());
    endpoint.mutable_conditions()->set_ready(true);
    auto& only = *slice.add_ports();
    only.set_name(kPortName);
    only.set_protocol(kTcp);
    only.set_port(port);
  });
}

// The ranges as an object. One that has the first of two gets the other, too, as upstream's does; where it says
// something else, people are told, for what it says can't be changed.
Wanted ranges(const std::vector<Cidr>& addresses, const std::function<void(int32_t, std::string_view)>& log) {
  std::vector<std::string> texts;
  for (const auto& range : addresses) texts.push_back(range.text());
  return [texts, log, told = std::string()](const std::string* current) mutable -> std::optional<std::string> {
    networkingv1::ServiceCIDR now;
    if (current != nullptr && !now.ParseFromString(*current)) return std::nullopt;
    const std::vector<std::string> said(now.spec().cidrs().begin(), now.spec().cidrs().end());
    if (current != nullptr && said == texts) return std::nullopt;
    const bool grows = said.size() == 1 && texts.size() == 2 && said[0] == texts[0];
    if (current != nullptr && !grows) {
      if (std::exchange(told, now.metadata().uid()) != now.metadata().uid()) {
        log(GANTRY_LOG_WARN,
            "ServiceCIDR kubernetes has other ranges than network.service_cidr, which Services get addresses from: "
            "delete it, and it is made anew");
      }
      return std::nullopt;
    }
    now.mutable_metadata()->set_name(kName);
    now.mutable_spec()->clear_cidrs();
    for (const auto& text : texts) now.mutable_spec()->add_cidrs(text);
    return now.SerializeAsString();
  };
}

bool is_for_this_machine_alone(const Address& address) {
  return address.ipv6 ? address.bits <= 1 : (address.bits >> 24) == 127 || address.bits == 0;
}

}  // namespace

// One object.
class ApiService::Kept : public std::enable_shared_from_this<Kept> {
 public:
  Kept(const ApiServiceOptions& options, client::ResourceRef what, std::string ns, Wanted wanted)
      : options_(options), what_(std::move(what)), ns_(std::move(ns)), wanted_(std::move(wanted)) {}

  void start() {
    client::WatchRequest request;
    request.group = what_.group;
    request.version = what_.version;
    request.resource = what_.resource;
    request.ns = ns_;
    request.field_selector = "metadata.name=" + std::string(kName);
    client::ReflectorHandler handler;
    handler.replace = [weak = weak_from_this()](const client::Client::List& list) {
      const auto self = weak.lock();
      if (!self) return;
      self->see(list.objects.empty() ? std::nullopt : std::optional(std::string(list.objects.front().bytes)));
    };
    handler.event = [weak = weak_from_this()](const client::WatchEvent& event) {
      const auto self = weak.lock();
      if (!self) return;
      const bool gone = event.type == client::WatchEvent::Type::kDeleted;
      self->see(gone ? std::nullopt : std::optional(std::string(event.object.bytes)));
    };
    reflector_ = client::start_reflector(*options_.client, std::move(request), std::move(handler), options_.schedule);
  }
  void stop() { reflector_.reset(); }

 private:
  void see(std::optional<std::string> current) {
    {
      const std::lock_guard lock(mutex_);
      current_ = std::move(current);
      known_ = true;
    }
    step();
  }

  void step() {
    client::ApiRequest request;
    {
      const std::lock_guard lock(mutex_);
      if (busy_ || !known_) return;
      auto next = wanted_(current_ ? &*current_ : nullptr);
      if (!next) return;
      busy_ = true;
      request = current_ ? client::update_request(what_, ns_, kName, std::move(*next))
                         : client::create_request(what_, ns_, std::move(*next));
    }
    options_.client->call(std::move(request), [weak = weak_from_this()](Expected<client::ApiResponse> response) {
      if (const auto self = weak.lock()) self->written(std::move(response));
    });
  }

  void written(Expected<client::ApiResponse> response) {
    int64_t wait_ms = 0;
    bool tell = false;
    {
      const std::lock_guard lock(mutex_);
      if (response) {
        if (response->objects_size() == 1) current_ = response->objects(0);
        failures_ = 0;
      } else {
        wait_ms = retry_ms(++failures_);
        // After a conflict what somebody else wrote is on its way.
        tell = failures_ == kFailuresToTell && response.error().code() != 409;
      }
    }
    if (response) return next();
    if (tell) {
      options_.log(GANTRY_LOG_WARN, what_.resource + " \"kubernetes\" can't be written: " + response.error().message() +
                                        "; it is tried again");
    }
    options_.schedule(wait_ms, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->next();
    });
  }

  void next() {
    {
      const std::lock_guard lock(mutex_);
      busy_ = false;
    }
    step();
  }

  const ApiServiceOptions options_;
  const client::ResourceRef what_;
  const std::string ns_;
  Wanted wanted_;
  std::mutex mutex_;  // not held through calls
  std::optional<std::string> current_;
  bool known_ = false, busy_ = false;
  int failures_ = 0;
  std::unique_ptr<client::Reflector> reflector_;
};

ApiService::ApiService(ApiServiceOptions options) {
  const auto add = [&](client::ResourceRef what, std::string ns, Wanted wanted) {
    kept_.push_back(std::make_shared<Kept>(options, std::move(what), std::move(ns), std::move(wanted)));
  };
  const auto& first = options.ranges.front();
  add({"networking.k8s.io", "v1", "servicecidrs"}, "", ranges(options.ranges, options.log));
  add({"", "v1", "services"}, "default", service({first.base + 1, first.ipv6}, options.port));
  if (!is_for_this_machine_alone(options.server)) {
    add({"", "v1", "endpoints"}, "default", endpoints(options.server, options.port));
    add({"discovery.k8s.io", "v1", "endpointslices"}, "default", slice(options.server, options.port));
  }
  for (const auto& object : kept_) object->start();
}

ApiService::~ApiService() {
  for (const auto& object : kept_) object->stop();
}

}  // namespace gantry::network
