// Reads the paths of printer columns. Pure, any thread.
#include "core/schema/table/column_path.hpp"

#include <charconv>

namespace gantry::schema {
namespace {

boost::json::string_view sv(std::string_view text) { return {text.data(), text.size()}; }

// "[0]", "[?(@.type==\"Ready\")]" from behind the bracket.
bool bracket_step(std::string_view& path, PathStep& step) {
  constexpr std::string_view kWhere = "?(@.", kEquals = "==\"", kEnd = "\")]";
  if (!path.starts_with(kWhere)) {
    const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), step.index);
    path.remove_prefix(static_cast<size_t>(end - path.data()));
    if (error != std::errc() || !path.starts_with(']')) return false;
    path.remove_prefix(1);
    step.kind = PathStep::Kind::kIndex;
    return true;
  }
  path.remove_prefix(kWhere.size());
  const size_t equals = path.find(kEquals);
  const size_t end = path.find(kEnd);
  if (equals == std::string_view::npos || end == std::string_view::npos || end < equals + kEquals.size()) return false;
  step.kind = PathStep::Kind::kWhere;
  step.key = path.substr(0, equals);
  step.value = path.substr(equals + kEquals.size(), end - equals - kEquals.size());
  path.remove_prefix(end + kEnd.size());
  return true;
}

bool fits(const Json& element, const PathStep& step) {
  const auto* object = element.if_object();
  const Json* value = object != nullptr ? object->if_contains(sv(step.key)) : nullptr;
  return value != nullptr && value->is_string() && value->get_string() == sv(step.value);
}

const Json* take(const Json& value, const PathStep& step) {
  if (step.kind == PathStep::Kind::kKey) {
    const auto* object = value.if_object();
    return object != nullptr ? object->if_contains(sv(step.key)) : nullptr;
  }
  const auto* list = value.if_array();
  if (list == nullptr) return nullptr;
  if (step.kind == PathStep::Kind::kIndex) return list->if_contains(step.index);
  for (const Json& element : *list) {
    if (fits(element, step)) return &element;
  }
  return nullptr;
}

}  // namespace

bool next_step(std::string_view& path, PathStep& step) {
  step = {};
  if (path.starts_with('[')) {
    path.remove_prefix(1);
    if (!bracket_step(path, step)) return false;
  } else {
    const size_t end = std::min(path.find_first_of(".["), path.size());
    step.key = path.substr(0, end);
    path.remove_prefix(end);
    if (step.key.empty()) return false;
  }
  if (!path.starts_with('.')) return true;
  path.remove_prefix(1);
  return !path.empty() && !path.starts_with('[');
}

const Json* find_path(const Json& value, std::string_view path) {
  const Json* found = &value;
  while (found != nullptr && !path.empty()) {
    PathStep step;
    if (!next_step(path, step)) return nullptr;
    found = take(*found, step);
  }
  return found;
}

namespace {

bool is_open(const Field& field) {
  return field.map || (field.message != nullptr && field.message->form == Form::kRawJson);
}

}  // namespace

PathTarget follow(const Message* message, std::string_view path) {
  PathTarget target;
  while (!path.empty()) {
    PathStep step;
    if (!next_step(path, step)) return {};
    const Field* at = target.field;
    if (at != nullptr && is_open(*at)) return {nullptr, false, true};
    if (step.kind != PathStep::Kind::kKey) {
      if (at == nullptr || !at->repeated || target.element) return {};
      const bool where = step.kind == PathStep::Kind::kWhere;
      if (where && (at->message == nullptr || at->message->find(step.key) == nullptr)) return {};
      target.element = true;
      continue;
    }
    const Message* within = at == nullptr ? message : at->repeated && !target.element ? nullptr : at->message;
    target = {within == nullptr ? nullptr : within->find(step.key), false, false};
    if (target.field == nullptr) return {};
  }
  return target;
}

}  // namespace gantry::schema
