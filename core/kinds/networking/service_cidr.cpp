// ServiceCIDRs: one range of a family, to which one of the other may come later. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/ip_rules.hpp"

namespace gantry::kinds::networking_service_cidr {
namespace {

const JsonArray& ranges_of(const JsonObject& object) {
  static const JsonArray kNone;
  const JsonArray* ranges = get_array(object_at(object, "spec"), "cidrs");
  return ranges != nullptr ? *ranges : kNone;
}

std::string_view text_of(const Json& value) {
  const auto* text = value.if_string();
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

void check_ranges(const JsonArray& ranges, const At& at, Errors& errors) {
  if (ranges.size() > 2) return errors.invalid(at, "cidrs", ranges, "may only hold up to 2 values");
  for (size_t i = 0; i < ranges.size(); ++i) {
    check_range(text_of(ranges[i]), Spelling::kCanonical, at.child("cidrs", i), "", errors);
  }
  if (ranges.size() < 2) return;
  const auto one = parse_range(text_of(ranges[0])), other = parse_range(text_of(ranges[1]));
  if (one && other && one->six == other->six) {
    errors.invalid(at, "cidrs", ranges,
                   "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64");
  }
}

void check_kept(const JsonArray& ranges, const JsonArray& before, const At& at, Errors& errors) {
  constexpr std::string_view kFixed = "field is immutable";
  const bool grows = before.size() == 1 && ranges.size() == 2;
  if (ranges.size() != before.size() && !grows) return errors.invalid(at, "cidrs", ranges, kFixed);
  for (size_t i = 0; i < before.size(); ++i) {
    if (text_of(ranges[i]) != text_of(before[i])) errors.invalid(at.child("cidrs", i), "", ranges[i], kFixed);
  }
  if (grows) check_ranges(ranges, at, errors);
}

void validate(const JsonObject& object, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonArray& ranges = ranges_of(object);
  if (old == nullptr) return check_ranges(ranges, at, errors);
  check_kept(ranges, ranges_of(*old), at, errors);
}

void service_ranges(Row& row, std::string& out) {
  std::string text;
  if (const JsonArray* ranges = list_at(row.document, "spec.cidrs")) {
    for (const Json& range : *ranges) (text += text.empty() ? "" : ",") += text_of(range);
  }
  put(out, text);
}

constexpr NamedCell kCells[] = {{"service-ranges", service_ranges}};

}  // namespace

constinit const Behavior behavior{
    .group = "networking.k8s.io", .kind = "ServiceCIDR", .validate = validate, .cells = kCells};

}  // namespace gantry::kinds::networking_service_cidr
