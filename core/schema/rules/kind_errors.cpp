// Upstream's Statuses about one object. Pure, any thread.
#include "core/schema/rules/kind_errors.hpp"

#include <utility>

namespace gantry::schema {
namespace {

std::string about(const Kind& kind, std::string_view name) {
  return qualified(kind) + " \"" + std::string(name) + "\"";
}

}  // namespace

StatusDetails details_of(const Kind& kind, std::string_view name) {
  return {.name = std::string(name), .group = kind.group, .kind = kind.plural, .uid = {}, .causes = {}};
}

std::string qualified(const Kind& kind) { return kind.group.empty() ? kind.plural : kind.plural + "." + kind.group; }

Status not_found(const Kind& kind, std::string_view name) {
  return Status::not_found(about(kind, name) + " not found").with_details(details_of(kind, name));
}

Status already_exists(const Kind& kind, std::string_view name) {
  return Status::already_exists(about(kind, name) + " already exists").with_details(details_of(kind, name));
}

Status conflict(const Kind& kind, std::string_view name, std::string_view why) {
  return Status::conflict("Operation cannot be fulfilled on " + about(kind, name) + ": " + std::string(why))
      .with_details(details_of(kind, name));
}

Status precondition_conflict(const Kind& kind, std::string_view name, std::string_view why) {
  Kind named;
  named.group = kind.group;
  named.plural = kind.kind;
  return conflict(named, name, why);
}

Status modified_conflict(const Kind& kind, std::string_view name) {
  return conflict(kind, name,
                  "the object has been modified; please apply your changes to the latest version and "
                  "try again");
}

Status forbidden(const Kind& kind, std::string_view name, std::string_view why, std::vector<StatusCause> causes) {
  auto details = details_of(kind, name);
  details.causes = std::move(causes);
  std::string message = name.empty() ? qualified(kind) : about(kind, name);
  return Status::forbidden(message + " is forbidden: " + std::string(why)).with_details(std::move(details));
}

}  // namespace gantry::schema
