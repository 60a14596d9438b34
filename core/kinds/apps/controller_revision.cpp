// ControllerRevisions: their table. Pure functions, any thread.
#include "core/kinds/parts/cells.hpp"

namespace gantry::kinds::apps_controller_revision {
namespace {

// "statefulset.apps/web"
void controller(Row& row, std::string& out) {
  const JsonArray* owners = list_at(row.document, "metadata.ownerReferences");
  if (owners == nullptr) return put(out, "<none>");
  for (const Json& owner : *owners) {
    const Json* manages = at(owner, "controller");
    if (manages == nullptr || !manages->is_bool() || !manages->get_bool()) continue;
    std::string text(text_at(owner, "kind"));
    const std::string_view version = text_at(owner, "apiVersion");
    if (const size_t slash = version.find('/'); slash != version.npos)
      text.append(".").append(version.substr(0, slash));
    for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return put(out, text.append("/").append(text_at(owner, "name")));
  }
  put(out, "<none>");
}

constexpr NamedCell kCells[] = {{"controller", controller}};

}  // namespace

constinit const Behavior behavior{.group = "apps", .kind = "ControllerRevision", .cells = kCells};

}  // namespace gantry::kinds::apps_controller_revision
