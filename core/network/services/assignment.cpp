#include "core/network/services/assignment.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace gantry::network {
namespace {

using schema::At;
using schema::get_array;
using schema::get_number;
using schema::get_text;
using schema::JsonArray;
using schema::JsonObject;
using Texts = std::vector<std::string>;

constexpr std::string_view kFamilies[] = {"IPv4", "IPv6"};

Texts texts(const JsonObject& spec, std::string_view key) {
  Texts out;
  if (const auto* list = get_array(spec, key)) {
    for (const auto& item : *list) out.emplace_back(item.is_string() ? std::string_view(item.get_string()) : "");
  }
  return out;
}

void put(JsonObject& spec, std::string_view key, const Texts& values) {
  JsonArray list(spec.storage());
  for (const auto& value : values) list.emplace_back(value);
  spec[key] = std::move(list);
}

bool is_type(const JsonObject& spec, std::string_view type) { return get_text(spec, "type") == type; }
bool is_headless(const JsonObject& spec) { return get_text(spec, "clusterIP") == "None"; }
bool has_no_selector(const JsonObject& spec) { return schema::object_at(spec, "selector").empty(); }
bool uses_node_ports(const JsonObject& spec) { return is_type(spec, "NodePort") || is_type(spec, "LoadBalancer"); }

bool gives_node_ports(const JsonObject& spec) {
  if (is_type(spec, "NodePort")) return true;
  const auto* wanted = schema::get(spec, "allocateLoadBalancerNodePorts");
  return is_type(spec, "LoadBalancer") && (wanted == nullptr || !wanted->is_bool() || wanted->get_bool());
}

bool needs_health_port(const JsonObject& spec) {
  return is_type(spec, "LoadBalancer") && get_text(spec, "externalTrafficPolicy") == "Local";
}

std::string_view other(std::string_view family) { return family == kFamilies[0] ? kFamilies[1] : kFamilies[0]; }

bool same(const JsonObject& a, const JsonObject& b, std::string_view key) { return texts(a, key) == texts(b, key); }

std::set<int64_t> node_ports(const JsonObject& spec) {
  std::set<int64_t> out;
  schema::each(spec, "ports", [&](const JsonObject& port) {
    if (const auto number = get_number(port, "nodePort"); number != 0) out.insert(number);
  });
  return out;
}

}  // namespace

bool Assignment::well_formed() const {
  const auto addresses = texts(spec_, "clusterIPs");
  const auto families = texts(spec_, "ipFamilies");
  if (addresses.size() > 2 || families.size() > 2) return false;
  for (const auto& family : families) {
    if (family != kFamilies[0] && family != kFamilies[1]) return false;
  }
  if (families.size() == 2 && families[0] == families[1]) return false;
  const auto first = get_text(spec_, "clusterIP");
  if (first != (addresses.empty() ? std::string_view() : std::string_view(addresses[0]))) return false;
  for (size_t i = 0; i < addresses.size(); ++i) {
    if (addresses[i] == "None") return addresses.size() == 1;
    const auto address = Address::parse(addresses[i]);
    const bool mapped = address && address->ipv6 && (address->bits >> 32) == 0xffff;  // ::ffff:10.96.0.1
    if (!address || mapped || (i < families.size() && families[i] != kFamilies[address->ipv6 ? 1 : 0])) return false;
    if (i == 1 && address->ipv6 == Address::parse(addresses[0])->ipv6) return false;
  }
  return true;
}

Status Assignment::run() {
  if (!well_formed()) return {};
  if (!is_type(spec_, "ExternalName") && families()) {
    if (auto status = addresses(); !status.ok()) return status;
  }
  if (!errors_.empty()) return {};
  if (auto status = ports(); !status.ok() || !errors_.empty()) return status;
  return health_port();
}

bool Assignment::families() {
  // One that prefers two families is neither given a second one nor loses it because the cluster has changed.
  if (old_ != nullptr && get_text(spec_, "ipFamilyPolicy") == "PreferDualStack" &&
      get_text(*old_, "ipFamilyPolicy") == "PreferDualStack" && !is_type(*old_, "ExternalName") &&
      same(spec_, *old_, "clusterIPs") && same(spec_, *old_, "ipFamilies")) {
    return false;
  }
  policy();
  const std::string policy(get_text(spec_, "ipFamilyPolicy"));
  if (old_ != nullptr) compare_with_old(policy);
  if (policy == "SingleStack") {
    for (const auto& [key, what] : {std::pair{"clusterIPs", "cluster IPs"}, std::pair{"ipFamilies", "IP families"}}) {
      if (texts(spec_, key).size() < 2) continue;
      errors_.invalid(
          at_, "ipFamilyPolicy", spec_.at("ipFamilyPolicy"),
          std::string("must be 'RequireDualStack' or 'PreferDualStack' when multiple ") + what + " are specified");
    }
  }
  infer_families();
  return errors_.empty() && add_families();
}

void Assignment::policy() {
  if (!get_text(spec_, "ipFamilyPolicy").empty()) return;
  if (old_ != nullptr && !get_text(*old_, "ipFamilyPolicy").empty()) {
    spec_["ipFamilyPolicy"] = get_text(*old_, "ipFamilyPolicy");
  } else {
    spec_["ipFamilyPolicy"] = is_headless(spec_) && has_no_selector(spec_) ? "RequireDualStack" : "SingleStack";
  }
}

void Assignment::compare_with_old(std::string_view policy) {
  for (const auto& [key, what] : {std::pair{"clusterIPs", "cluster IP"}, std::pair{"ipFamilies", "IP family"}}) {
    auto now = texts(spec_, key);
    const auto before = texts(*old_, key);
    if (policy == "SingleStack") {
      if (now != before || now.size() < 2) continue;
      now.resize(1);
      put(spec_, key, now);
    } else if (before.size() == 2 && now.size() == 1 && now[0] == before[0]) {
      errors_.invalid(at_, "ipFamilyPolicy", spec_.at("ipFamilyPolicy"),
                      std::string("must be 'SingleStack' to release the secondary ") + what);
    }
  }
}

void Assignment::infer_families() {
  const auto addresses = texts(spec_, "clusterIPs");
  auto families = texts(spec_, "ipFamilies");
  const size_t given = families.size();
  for (size_t i = given; i < addresses.size(); ++i) {
    if (addresses[i] == "None") break;
    const bool ipv6 = Address::parse(addresses[i])->ipv6;
    const std::string family(kFamilies[ipv6 ? 1 : 0]);
    if (numbers_.ranges().of_family(ipv6) == nullptr) {
      errors_.invalid(at_, "clusterIPs[" + std::to_string(i) + "]", spec_.at("clusterIPs"),
                      family + " is not configured on this cluster");
    } else {
      families.push_back(family);
    }
  }
  if (families.size() != given) put(spec_, "ipFamilies", families);
}

bool Assignment::add_families() {
  const auto& ranges = numbers_.ranges();
  const auto policy = get_text(spec_, "ipFamilyPolicy");
  auto families = texts(spec_, "ipFamilies");
  const bool anything_goes = is_headless(spec_) && has_no_selector(spec_);
  if (!anything_goes && policy == "RequireDualStack" && ranges.addresses.size() < 2) {
    errors_.invalid(at_, "ipFamilyPolicy", spec_.at("ipFamilyPolicy"),
                    "this cluster is not configured for dual-stack services");
  }
  for (size_t i = 0; !anything_goes && i < families.size(); ++i) {
    if (ranges.of_family(families[i] == kFamilies[1]) != nullptr) continue;
    errors_.invalid(at_, "ipFamilies[" + std::to_string(i) + "]", schema::Json(families[i]),
                    "not configured on this cluster");
  }
  if (!errors_.empty()) return false;
  if (families.empty()) families.emplace_back(kFamilies[ranges.addresses.front().ipv6 ? 1 : 0]);
  if (policy != "SingleStack" && families.size() == 1 && (anything_goes || ranges.addresses.size() == 2)) {
    families.emplace_back(other(families[0]));
  }
  put(spec_, "ipFamilies", families);
  return true;
}

Status Assignment::addresses() {
  const auto given = texts(spec_, "clusterIPs");
  if (!given.empty() && given[0] == "None") return {};
  const size_t wanted = texts(spec_, "ipFamilies").size();
  size_t first = 0;
  if (old_ != nullptr && !is_type(*old_, "ExternalName")) {
    // The first one stays as it is; a second one comes with a second family.
    if (is_headless(*old_) || texts(*old_, "ipFamilies").size() >= wanted) return {};
    first = texts(*old_, "ipFamilies").size();
  }
  for (size_t i = first; i < wanted; ++i) {
    if (auto status = address(i); !status.ok() || !errors_.empty()) return status;
  }
  return {};
}

Status Assignment::address(size_t index) {
  auto addresses = texts(spec_, "clusterIPs");
  const bool ipv6 = texts(spec_, "ipFamilies")[index] == kFamilies[1];
  std::optional<Claim> claim;
  if (index < addresses.size()) {
    const auto& asked = addresses[index];
    const auto address = *Address::parse(asked);
    claim = ServiceNumbers::claim_of(address);
    std::string why;
    if (!numbers_.gives(address)) {
      // Upstream's dry runs ask one range, and others all of them.
      why = dry_run_
                ? "the provided IP (" + address.text() + ") is not in the valid range. The range of valid IPs is " +
                      numbers_.ranges().of_family(ipv6)->text()
                : "the provided network does not match the current range";
    } else if (!numbers_.reserve(*claim)) {
      why = "provided IP is already allocated";
    }
    if (!why.empty()) {
      errors_.invalid(at_, "clusterIPs", spec_.at("clusterIPs"), "failed to allocate IP " + asked + ": " + why);
      return {};
    }
  } else {
    claim = numbers_.pick(ipv6);
    if (!claim) return Status::internal("Internal error occurred: failed to allocate a serviceIP: range is full");
    addresses.push_back(numbers_.address_of(*claim).text());
    put(spec_, "clusterIPs", addresses);
    spec_["clusterIP"] = addresses[0];
  }
  reserved_.push_back(*claim);
  return {};
}

Status Assignment::ports() {
  if (!uses_node_ports(spec_) || get_array(spec_, "ports") == nullptr) return {};
  return old_ == nullptr ? new_ports() : changed_ports();
}

// Ports with one number (of TCP and of UDP) share a node port, unless two are asked for.
Status Assignment::new_ports() {
  std::map<int64_t, int64_t> asked, given;
  schema::each(spec_, "ports", [&](const JsonObject& port) {
    if (const auto number = get_number(port, "nodePort"); number != 0) asked.emplace(get_number(port, "port"), number);
  });
  auto& ports = *get_array(spec_, "ports");
  for (size_t i = 0; i < ports.size(); ++i) {
    auto* port = ports[i].if_object();
    if (port == nullptr) continue;
    const auto at = at_.child("ports", i);
    const auto wanted = get_number(*port, "nodePort");
    if (wanted == 0 && !gives_node_ports(spec_)) continue;
    const auto number = get_number(*port, "port");
    const auto shared = given.find(number);
    if (shared == given.end()) {
      const auto first = asked.find(number);
      if (first != asked.end()) {
        if (auto status = ask_port(at, "nodePort", first->second); !status.ok() || !errors_.empty()) return status;
        (*port)["nodePort"] = first->second;
      } else {
        auto any = any_port();
        if (!any)
          return Status::internal("Internal error occurred: failed to allocate a nodePort: " + any.error().message());
        (*port)["nodePort"] = *any;
      }
      given[number] = get_number(*port, "nodePort");
    } else if (wanted == 0) {
      (*port)["nodePort"] = shared->second;
    } else if (wanted != shared->second) {
      if (auto status = ask_port(at, "nodePort", wanted); !status.ok() || !errors_.empty()) return status;
    }
  }
  return {};
}

Status Assignment::changed_ports() {
  auto had = node_ports(*old_);
  auto& ports = *get_array(spec_, "ports");
  for (size_t i = 0; i < ports.size(); ++i) {
    auto* port = ports[i].if_object();
    if (port == nullptr) continue;
    const auto wanted = get_number(*port, "nodePort");
    if (wanted == 0 && !gives_node_ports(spec_)) continue;
    if (wanted == 0) {
      auto any = any_port();
      if (!any)
        return Status::internal("Internal error occurred: failed to allocate a nodePort: " + any.error().message());
      (*port)["nodePort"] = *any;
    } else if (had.insert(wanted).second) {
      const auto at = at_.child("ports", i);
      if (auto status = ask_port(at, "nodePort", wanted); !status.ok() || !errors_.empty()) return status;
    }
  }
  return {};
}

Status Assignment::health_port() {
  if (!needs_health_port(spec_)) return {};
  const auto wanted = get_number(spec_, "healthCheckNodePort");
  if (old_ != nullptr && needs_health_port(*old_)) return {};  // may not change, which validation says
  if (wanted == 0) {
    auto any = any_port();
    if (!any)
      return Status::internal("Internal error occurred: failed to allocate a HealthCheck NodePort 0: " +
                              any.error().message());
    spec_["healthCheckNodePort"] = *any;
    return {};
  }
  const auto claim = numbers_.claim_of_port(wanted);
  if (claim && numbers_.reserve(*claim)) {
    reserved_.push_back(*claim);
    return {};
  }
  return Status::internal(
      "Internal error occurred: failed to allocate requested HealthCheck NodePort " + std::to_string(wanted) + ": " +
      (claim ? "provided port is already allocated"
             : "provided port is not in the valid range. The range of valid ports is " +
                   std::to_string(numbers_.ranges().first_port) + "-" + std::to_string(numbers_.ranges().last_port)));
}

Status Assignment::ask_port(const At& at, std::string_view name, int64_t port) {
  const auto& ranges = numbers_.ranges();
  const auto claim = numbers_.claim_of_port(port);
  if (!claim) {
    errors_.invalid(at, name, port,
                    "provided port is not in the valid range. The range of valid ports is " +
                        std::to_string(ranges.first_port) + "-" + std::to_string(ranges.last_port));
  } else if (!numbers_.reserve(*claim)) {
    errors_.invalid(at, name, port, "provided port is already allocated");
  } else {
    reserved_.push_back(*claim);
  }
  return {};
}

Expected<int> Assignment::any_port() {
  const auto claim = numbers_.pick_port();
  if (!claim) return Status::internal("range is full");
  reserved_.push_back(*claim);
  return numbers_.port_of(*claim);
}

}  // namespace gantry::network
