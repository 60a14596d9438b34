// NetworkPolicies: directions that follow from the rules, peers and ports. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/ip_rules.hpp"
#include "core/kinds/parts/pod_rules.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::networking_network_policy {
namespace {

void default_after(JsonObject& policy) {
  JsonObject& spec = ensure_object(policy, "spec");
  if (has_items(spec, "policyTypes")) return;
  JsonArray types{"Ingress"};
  if (has_items(spec, "egress")) types.emplace_back("Egress");
  spec["policyTypes"] = std::move(types);
}

void check_port(const JsonObject& port, const At& at, Errors& errors) {
  const Json* last = get(port, "endPort");
  if (last == nullptr) return;
  const Json* first = get(port, "port");
  if (first == nullptr)
    return errors.invalid(at, "endPort", *last, "may not be specified when `port` is not specified");
  const int64_t* number = first->if_int64();
  if (number == nullptr) {
    return errors.invalid(at, "endPort", *last, "may not be specified when `port` is non-numeric");
  }
  const int64_t end = get_number(port, "endPort");
  if (end < *number) errors.invalid(at, "endPort", *last, "must be greater than or equal to `port`");
  if (end < 1 || end > 65535) errors.invalid(at, "endPort", *last, schema::inclusive_range(1, 65535));
}

void check_block(const JsonObject& block, const Kept& kept, const At& at, Errors& errors) {
  const std::string_view text = get_text(block, "cidr");
  if (text.empty()) return;  // said by the tree
  check_old_range(text, kept, at, "cidr", errors);
  const auto whole = parse_range(text);
  const JsonArray* parts = get_array(block, "except");
  for (size_t i = 0; whole && parts != nullptr && i < parts->size(); ++i) {
    const auto* part = (*parts)[i].if_string();
    if (part == nullptr) continue;
    At here = at.child("except", i);
    check_old_range(*part, kept, here, "", errors);
    const auto inner = parse_range(*part);
    if (inner && !is_part(*inner, *whole)) errors.invalid(here, "", (*parts)[i], "must be a strict subset of `cidr`");
  }
}

void check_peer(const JsonObject& peer, const Kept& kept, const At& at, Errors& errors) {
  size_t peers = 0;
  for (std::string_view key : {"podSelector", "namespaceSelector"}) {
    const JsonObject* selector = get_object(peer, key);
    if (selector == nullptr) continue;
    ++peers;
    check_label_selector(*selector, at.child(key), errors);
  }
  const JsonObject* block = get_object(peer, "ipBlock");
  if (block != nullptr) check_block(*block, kept, at.child("ipBlock"), errors);
  if (block == nullptr && peers == 0) errors.required(at, "", "must specify a peer");
  if (block != nullptr && peers > 0) errors.forbidden(at, "", "may not specify both ipBlock and another peer");
}

// The ranges in a policy's rules.
Kept ranges_in(const JsonObject& spec) {
  Kept out;
  for (const auto& [direction, peers] : {std::pair{"ingress", "from"}, std::pair{"egress", "to"}}) {
    each(spec, direction, [&, list = peers](const JsonObject& rule) {
      each(rule, list, [&](const JsonObject& peer) {
        const JsonObject& block = object_at(peer, "ipBlock");
        out.insert(get_text(block, "cidr"));
        out.merge(kept_texts(get_array(block, "except")));
      });
    });
  }
  return out;
}

void check_rules(const JsonObject& spec, const Kept& kept, std::string_view direction, std::string_view peers,
                 const At& at, Errors& errors) {
  size_t i = 0;
  each(spec, direction, [&](const JsonObject& rule) {
    At here = at.child(direction, i++);
    size_t port = 0, peer = 0;
    each(rule, "ports", [&](const JsonObject& item) { check_port(item, here.child("ports", port++), errors); });
    each(rule, peers, [&](const JsonObject& item) { check_peer(item, kept, here.child(peers, peer++), errors); });
  });
}

void validate(const JsonObject& policy, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject* spec = changed_spec(policy, old);
  if (spec == nullptr) return;
  check_label_selector(object_at(*spec, "podSelector"), at.child("podSelector"), errors);
  const Kept kept = old != nullptr ? ranges_in(object_at(*old, "spec")) : Kept();
  check_rules(*spec, kept, "ingress", "from", at, errors);
  check_rules(*spec, kept, "egress", "to", at, errors);
  const JsonArray* types = get_array(*spec, "policyTypes");
  if (types != nullptr && types->size() > 2) {
    errors.invalid(at, "policyTypes", *types, "may not specify more than two policyTypes");
  }
}

void policy_selector(Row& row, std::string& out) { put_selector(at(row.document, "spec.podSelector"), out); }

constexpr NamedCell kCells[] = {{"policy-selector", policy_selector}};

void warn(const JsonObject& policy, const JsonObject*, Warnings& warnings) {
  const At root, spec = root.child("spec");
  const auto peers = [&](std::string_view rules, std::string_view list) {
    size_t i = 0;
    each(object_at(policy, "spec"), rules, [&](const JsonObject& rule) {
      const At at = spec.child(rules, i++);
      size_t j = 0;
      each(rule, list, [&](const JsonObject& peer) {
        const At here = at.child(list, j++);
        const JsonObject* block = get_object(peer, "ipBlock");
        if (block == nullptr || warnings.full()) return;
        const At range = here.child("ipBlock");
        warn_range(get_text(*block, "cidr"), range.child("cidr"), warnings);
        warn_ranges(*block, "except", range, warnings);
      });
    });
  };
  peers("ingress", "from");
  peers("egress", "to");
}

}  // namespace

constinit const Behavior behavior{.group = "networking.k8s.io",
                                  .kind = "NetworkPolicy",
                                  .default_after = default_after,
                                  .validate = validate,
                                  .warn = warn,
                                  .cells = kCells,
                                  .read_at_once = false};

}  // namespace gantry::kinds::networking_network_policy
