// Events of the core group. Pure functions, any thread.
#include "core/kinds/parts/event.hpp"

namespace gantry::kinds::core_event {
namespace {

void validate(const JsonObject& event, const JsonObject* old, Errors& errors) {
  if (old == nullptr) check_event_place(event, "involvedObject", errors);
  At root;
  if (!is_set(get(event, "eventTime"))) return;
  for (std::string_view key : {"reportingComponent", "reportingInstance", "action", "reason"}) {
    if (get_text(event, key).empty()) errors.required(root, key);
  }
  const auto reporter = get_text(event, "reportingComponent");
  if (!reporter.empty()) errors.format(root, "reportingComponent", "qualified-name", reporter);
  check_event_texts(event, "message", root, errors);
}

}  // namespace

constinit const Behavior behavior{.group = "",
                                  .kind = "Event",
                                  .validate = validate,
                                  .last_written = event_last_written,
                                  .cells = kEventCells,
                                  .create_on_update = true,
                                  .read_at_once = false};

}  // namespace gantry::kinds::core_event
