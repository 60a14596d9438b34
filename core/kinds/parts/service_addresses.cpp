// Owns the rules of a Service's addresses: those in the cluster with their families, those outside, and the ranges that
// may send to it. Pure functions, any thread.
#include <algorithm>
#include <set>

#include "core/kinds/parts/addresses.hpp"
#include "core/kinds/parts/ip_rules.hpp"
#include "core/kinds/parts/service.hpp"

namespace gantry::kinds {
namespace {

constexpr std::string_view kOnce = "may not change once set";
constexpr std::string_view kSourceRanges = "service.beta.kubernetes.io/load-balancer-source-ranges";
constexpr std::string_view kSourcesOfBalancers = "may only be used when `type` is 'LoadBalancer'";

const JsonArray& list_of(const JsonObject& spec, std::string_view key) {
  static const JsonArray kNone;
  const JsonArray* list = get_array(spec, key);
  return list != nullptr ? *list : kNone;
}

std::string_view text_of(const JsonArray& list, size_t i) {
  const auto* text = i < list.size() ? list[i].if_string() : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

// clusterIP is the first of clusterIPs.
void check_first(const JsonObject& spec, const JsonArray& ips, const At& at, Errors& errors) {
  const std::string_view first = get_text(spec, "clusterIP");
  if (first.empty()) {
    if (!ips.empty()) errors.invalid(at, "clusterIPs", ips, "must be empty when `clusterIP` is not specified");
  } else if (ips.empty()) {
    errors.required(at, "clusterIPs");
  } else if (text_of(ips, 0) != first) {
    errors.invalid(at, "clusterIPs", ips, "first value must match `clusterIP`");
  }
}

// Whether each by itself is an address.
bool check_each(const JsonArray& ips, const Kept& kept, const At& at, Errors& errors) {
  const size_t before = errors.size();
  for (size_t i = 0; i < ips.size(); ++i) {
    const std::string_view ip = text_of(ips, i);
    if (i > 0 || ip != "None") {
      check_old_ip(ip, kept, at.child("clusterIPs", i), "", errors);
    } else if (ips.size() > 1) {
      errors.invalid(at, "clusterIPs", ips, "'None' must be the first and only value");
    }
  }
  const bool good = errors.size() == before;
  if (ips.size() > 2) errors.invalid(at, "clusterIPs", ips, "may only hold up to 2 values");
  return good;
}

void check_families(const JsonArray& ips, const JsonArray& families, const At& at, Errors& errors) {
  size_t sixes = 0;
  for (size_t i = 0; i < ips.size(); ++i) sixes += is_six(text_of(ips, i)) ? 1 : 0;
  if (ips.size() > 1 && (sixes == 0 || sixes == ips.size())) {
    errors.invalid(at, "clusterIPs", ips, "may specify no more than one IP for each IP family");
  }
  if (text_of(ips, 0) == "None") return;
  for (size_t i = 0; i < ips.size() && i < families.size(); ++i) {
    const std::string_view family = text_of(families, i);
    if ((family != "IPv4" && family != "IPv6") || is_six(text_of(ips, i)) == (family == "IPv6")) continue;
    errors.invalid(
        at.child("clusterIPs", i), "", ips[i],
        "expected an " + std::string(family) + " value as indicated by `ipFamilies[" + std::to_string(i) + "]`");
  }
}

// The second one of the list goes: that has to be said.
void check_release(const JsonObject& spec, std::string_view what, const At& at, Errors& errors) {
  const std::string_view policy = get_text(spec, "ipFamilyPolicy");
  if (policy == "SingleStack") return;
  errors.invalid(at, "ipFamilyPolicy", policy.empty() ? Json() : Json(policy),
                 "must be set to 'SingleStack' when releasing the secondary " + std::string(what));
}

void check_ips_update(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  const JsonArray& ips = list_of(spec, "clusterIPs");
  const JsonArray& had = list_of(old, "clusterIPs");
  if (ips.size() == had.size()) {
    for (size_t i = 0; i < ips.size(); ++i) {
      if (ips[i] != had[i]) errors.invalid(at.child("clusterIPs", i), "", ips, kOnce);
    }
    return;
  }
  At first = at.child("clusterIPs", 0);
  if (ips.empty()) return errors.invalid(first, "", ips, "primary clusterIP can not be unset");
  if (!had.empty() && ips[0] != had[0]) errors.invalid(first, "", ips, kOnce);
  if (had.size() > ips.size() && ips.size() == 1) check_release(spec, "clusterIP", at, errors);
}

void check_families_update(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  const JsonArray& families = list_of(spec, "ipFamilies");
  const JsonArray& had = list_of(old, "ipFamilies");
  const JsonArray& ips = list_of(spec, "clusterIPs");
  At first = at.child("ipFamilies", 0);
  if (families.size() == had.size()) {
    for (size_t i = 0; i < families.size(); ++i) {
      if (families[i] != had[i]) errors.invalid(first, "", families, kOnce);
    }
    return;
  }
  const bool released = had.size() > families.size();
  if (released && ips.empty()) errors.invalid(first, "", families, "primary ipFamily can not be unset");
  if (!had.empty() && !families.empty() && families[0] != had[0]) errors.invalid(first, "", ips, kOnce);
  if (released && families.size() == 1) check_release(spec, "ipFamily", at, errors);
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

const JsonObject& notes_of(const JsonObject& service) {
  return object_at(object_at(service, "metadata"), "annotations");
}

// The annotation of before there was a field.
void check_noted_ranges(const JsonObject& service, const JsonObject* old, Errors& errors) {
  const JsonObject& notes = notes_of(service);
  if (get(notes, kSourceRanges) == nullptr) return;
  At root;
  At metadata = root.child("metadata");
  At here = metadata.key("annotations", kSourceRanges);
  if (service_type(object_at(service, "spec")) != "LoadBalancer") errors.forbidden(here, "", kSourcesOfBalancers);
  const std::string_view all = get_text(notes, kSourceRanges);
  if (old != nullptr && get(notes_of(*old), kSourceRanges) != nullptr && get_text(notes_of(*old), kSourceRanges) == all)
    return;
  std::string_view rest = trimmed(all);
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    check_range(trimmed(rest.substr(0, comma)), Spelling::kAny, here, "", errors);
    if (comma == rest.size()) return;
    rest.remove_prefix(comma + 1);
    if (rest.empty()) check_range("", Spelling::kAny, here, "", errors);
  }
}

}  // namespace

void check_outside_addresses(const JsonObject& spec, const JsonObject* old, const At& at, Errors& errors) {
  const JsonArray& ips = list_of(spec, "externalIPs");
  const Kept kept = kept_texts(old != nullptr ? &list_of(*old, "externalIPs") : nullptr);
  for (size_t i = 0; i < ips.size(); ++i) {
    At here = at.child("externalIPs", i);
    const size_t before = errors.size();
    check_old_ip(text_of(ips, i), kept, here, "", errors);
    if (errors.size() == before) check_reachable(here, "", text_of(ips, i), errors);
  }
}

void check_source_ranges(const JsonObject& service, const JsonObject* old, Errors& errors) {
  // Upstream's name of the field, with a capital.
  constexpr std::string_view kField = "LoadBalancerSourceRanges";
  const JsonObject& spec = object_at(service, "spec");
  const JsonArray& ranges = list_of(spec, "loadBalancerSourceRanges");
  if (ranges.empty()) return check_noted_ranges(service, old, errors);
  At root;
  At at = root.child("spec");
  if (service_type(spec) != "LoadBalancer") errors.forbidden(at, kField, kSourcesOfBalancers);
  Kept kept;
  if (old != nullptr) {
    const JsonArray& had = list_of(object_at(*old, "spec"), "loadBalancerSourceRanges");
    for (size_t i = 0; i < had.size(); ++i) kept.insert(trimmed(text_of(had, i)));
  }
  for (size_t i = 0; i < ranges.size(); ++i) {
    check_old_range(trimmed(text_of(ranges, i)), kept, at.child(kField, i), "", errors);
  }
}

void check_service_addresses(const JsonObject& spec, const JsonObject* old, const At& at, Errors& errors) {
  const JsonArray& ips = list_of(spec, "clusterIPs");
  const JsonArray& families = list_of(spec, "ipFamilies");
  if (service_type(spec) == "ExternalName") {
    constexpr std::string_view kNotSo = "may not be set for ExternalName services";
    if (!ips.empty()) errors.forbidden(at, "clusterIPs", kNotSo);
    if (!families.empty()) errors.forbidden(at, "ipFamilies", kNotSo);
    if (get(spec, "ipFamilyPolicy") != nullptr) errors.forbidden(at, "ipFamilyPolicy", kNotSo);
    return;
  }
  check_first(spec, ips, at, errors);
  std::set<std::string_view> seen;
  for (size_t i = 0; i < families.size(); ++i) {
    if (!seen.insert(text_of(families, i)).second) errors.duplicate(at.child("ipFamilies", i), "", families[i]);
  }
  const Kept kept = kept_texts(old != nullptr ? &list_of(*old, "clusterIPs") : nullptr);
  if (check_each(ips, kept, at, errors)) check_families(ips, families, at, errors);
}

void check_service_address_update(const JsonObject& spec, const JsonObject& old, const At& at, Errors& errors) {
  if (service_type(spec) == "ExternalName" || service_type(old) == "ExternalName") return;
  const bool headless = is_headless(spec), was_headless = is_headless(old);
  if (headless && was_headless) return;
  check_ips_update(spec, old, at, errors);
  if (!headless && !was_headless) check_families_update(spec, old, at, errors);
}

}  // namespace gantry::kinds
