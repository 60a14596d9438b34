#include "core/schema/tree/extension_history.hpp"

#include <algorithm>

namespace gantry::schema {
namespace {

// Fields and selectable paths that one owner may bring while the daemon runs: some 30 MB of names, of which long ones
// count as several.
constexpr size_t kMostFacts = 200'000;
constexpr size_t kFactBytes = 256;

size_t weight(size_t bytes) { return 1 + bytes / kFactBytes; }

size_t weight(const std::set<std::string, std::less<>>& names) {
  size_t sum = 1;
  for (const auto& name : names) sum += weight(name.size());
  return sum;
}

std::string resource_of(const Kind& kind) { return kind.plural + "." + kind.group; }

std::string type_of(const Field& field) {
  std::string type = std::to_string(static_cast<int>(field.type)) + (field.repeated ? " list"
                                                                     : field.map    ? " map"
                                                                                    : "");
  return field.message == nullptr ? type : type + " " + field.message->name;
}

}  // namespace

Status ExtensionHistory::check_message(const Message& next) const {
  const auto known = messages_.find(next.name);
  if (known == messages_.end()) return {};
  const auto& before = known->second;
  const auto changed = [&](const Field& field, const std::string& how) {
    return Status::invalid("field " + field.json + " of " + next.name + how +
                           "; objects that are served already would be read wrong, so that takes a field with a name "
                           "and a number of its own, or a restart of the daemon");
  };
  for (const Field& field : next.fields) {
    const auto old = before.by_json.find(field.json);
    if (old != before.by_json.end()) {
      if (old->second.number != field.number) return changed(field, " has another number than before");
      if (old->second.type != type_of(field)) return changed(field, " has another type than before");
    } else if (const auto other = before.by_number.find(field.number); other != before.by_number.end()) {
      return changed(field, " has the number that was " + other->second + "'s");
    }
  }
  return {};
}

Status ExtensionHistory::check_kind(const Kind& next) const {
  const auto known = kinds_.find(resource_of(next));
  if (known == kinds_.end()) return {};
  const auto& old = known->second;
  if (old.kind != next.kind) {
    return Status::invalid("kind " + next.kind + " takes the plural " + next.plural + ", which was that of " +
                           old.kind + "; the objects that are there would be taken for another kind's");
  }
  if (old.version != next.version) {
    return Status::invalid("kind " + next.kind + " changes its version from " + old.version + " to " + next.version +
                           "; nothing converts the objects that are there");
  }
  const Names selectable(next.selectable_fields.begin(), next.selectable_fields.end());
  for (const auto& path : next.selectable_fields) {
    const bool always = std::all_of(old.selectable.begin(), old.selectable.end(),
                                    [&](const Names& names) { return names.contains(path); });
    if (always || old.selectable.contains(selectable)) continue;
    return Status::invalid("kind " + next.kind + " makes " + path +
                           " selectable, which it was not; objects that are served already would not be found by "
                           "it, so that takes a restart of the daemon");
  }
  if (old.namespaced != next.namespaced) {
    return Status::invalid("kind " + next.kind +
                           " changes whether it is namespaced; the objects that are there would be lost");
  }
  return {};
}

size_t ExtensionHistory::new_facts(const Tree& next) const {
  size_t count = 0;
  for (const auto& [name, message] : next.messages()) {
    const auto known = messages_.find(name);
    if (known == messages_.end()) count += weight(name.size());
    for (const Field& field : message->fields) {
      if (known != messages_.end() && known->second.by_json.contains(field.json)) continue;
      count += weight(field.json.size() + type_of(field).size());
    }
  }
  for (const auto& kind : next.kinds()) {
    const Names selectable(kind->selectable_fields.begin(), kind->selectable_fields.end());
    const auto known = kinds_.find(resource_of(*kind));
    if (known == kinds_.end() || !known->second.selectable.contains(selectable)) count += weight(selectable);
  }
  return count;
}

void ExtensionHistory::add_message(const Message& next) {
  const auto [message, fresh] = messages_.try_emplace(next.name);
  if (fresh) facts_ += weight(next.name.size());
  auto& facts = message->second;
  for (const Field& field : next.fields) {
    const auto [fact, added] = facts.by_json.try_emplace(field.json, FieldFacts{field.number, type_of(field)});
    if (added) facts_ += weight(field.json.size() + fact->second.type.size());
    facts.by_number.try_emplace(field.number, field.json);
  }
}

void ExtensionHistory::add_kind(const Kind& next) {
  auto& facts = kinds_[resource_of(next)];
  facts.kind = next.kind;
  facts.version = next.version;
  facts.namespaced = next.namespaced;
  const auto [names, added] = facts.selectable.emplace(next.selectable_fields.begin(), next.selectable_fields.end());
  if (added) facts_ += weight(*names);
}

Status ExtensionHistory::add(const Tree& next) {
  for (const auto& [name, message] : next.messages()) {
    if (auto status = check_message(*message); !status.ok()) return status;
  }
  for (const auto& kind : next.kinds()) {
    if (auto status = check_kind(*kind); !status.ok()) return status;
  }
  if (facts_ + new_facts(next) > kMostFacts) {
    return Status::invalid("with the sets that it has brought since the daemon started this makes more than " +
                           std::to_string(kMostFacts) + " fields; restart the daemon");
  }
  for (const auto& [name, message] : next.messages()) add_message(*message);
  for (const auto& kind : next.kinds()) add_kind(*kind);
  return {};
}

}  // namespace gantry::schema
