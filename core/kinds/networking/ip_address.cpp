// IPAddresses: an address as the name. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/ip_rules.hpp"

namespace gantry::kinds::networking_ip_address {
namespace {

void validate(const JsonObject& address, const JsonObject*, Errors& errors) {
  const std::string_view name = get_text(object_at(address, "metadata"), "name");
  if (name.empty()) return;  // that one is needed is said for every kind
  At root;
  check_ip(name, Spelling::kCanonical, root.child("metadata"), "name", errors);
}

// "services/default/web", the group behind the resource's name.
void address_parent(Row& row, std::string& out) {
  const Json* parent = at(row.document, "spec.parentRef");
  if (parent == nullptr || !parent->is_object()) return put(out, "<none>");
  std::string text(text_at(*parent, "resource"));
  if (const auto group = text_at(*parent, "group"); !group.empty()) text.append(".").append(group);
  if (const auto space = text_at(*parent, "namespace"); !space.empty()) text.append("/").append(space);
  put(out, text.append("/").append(text_at(*parent, "name")));
}

constexpr NamedCell kCells[] = {{"address-parent", address_parent}};

}  // namespace

constinit const Behavior behavior{
    .group = "networking.k8s.io", .kind = "IPAddress", .validate = validate, .cells = kCells};

}  // namespace gantry::kinds::networking_ip_address
