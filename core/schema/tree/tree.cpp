// Builds trees: messages from the raw ones, linked with each other. Pure, any thread.
#include "core/schema/tree/tree.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <optional>

#include "core/schema/table/column_path.hpp"
#include "core/schema/table/table_cells.hpp"

namespace gantry::schema {

const Field* Message::find(std::string_view json_key) const {
  auto it = by_json.find(json_key);
  return it == by_json.end() ? nullptr : it->second;
}

const Field* Message::find_number(uint32_t number) const {
  auto it = by_number.find(number);
  return it == by_number.end() ? nullptr : it->second;
}

const Subresource* Kind::subresource(std::string_view name) const {
  auto it =
      std::find_if(subresources.begin(), subresources.end(), [&](const Subresource& s) { return s.name == name; });
  return it == subresources.end() ? nullptr : &*it;
}

bool Kind::has_verb(std::string_view verb) const { return std::find(verbs.begin(), verbs.end(), verb) != verbs.end(); }

namespace {

// Inlined messages have been indexed into `from`'s fields already, however deep: only their fields are needed.
void index_fields(Message& message, const Message& from) {
  for (const Field& field : from.fields) {
    if (field.inlined && field.message != nullptr) {
      index_fields(message, *field.message);
    } else {
      message.by_json.emplace(field.json, &field);
    }
  }
}

// Does following these fields lead back to a message? Then walking it would never end.
const Message* find_cycle(const Message& message, bool (*follows)(const Field&), std::set<const Message*>& done,
                          std::vector<const Message*>& path) {
  if (std::find(path.begin(), path.end(), &message) != path.end()) return &message;
  if (!done.insert(&message).second) return nullptr;
  path.push_back(&message);
  for (const Field& field : message.fields) {
    if (field.message == nullptr || !follows(field)) continue;
    if (const Message* found = find_cycle(*field.message, follows, done, path)) return found;
  }
  path.pop_back();
  return nullptr;
}

using Messages = std::map<std::string, std::unique_ptr<Message>, std::less<>>;

// From those that have one in their own fields to all that contain them. Linear.
void find_defaults(const Messages& messages) {
  std::map<const Message*, std::vector<Message*>> users;
  std::vector<const Message*> found;
  const auto mark = [&](Message& message) {
    if (message.has_defaults || message.form != Form::kStruct) return;
    message.has_defaults = true;
    found.push_back(&message);
  };
  for (const auto& [name, message] : messages) {
    for (const Field& field : message->fields) {
      if (field.message != nullptr) users[field.message].push_back(message.get());
      const bool below = field.message != nullptr && field.message->has_defaults;
      if (field.default_value || field.default_struct || below) mark(*message);
    }
  }
  while (!found.empty()) {
    const Message* const message = found.back();
    found.pop_back();
    for (Message* user : users[message]) mark(*user);
  }
}

bool is_made_with_parent(const Field& field) {
  return field.inlined || (field.default_struct && !field.repeated && !field.map);
}

RawField list_field(std::string name, std::string_view type, uint32_t number, bool repeated, std::string comment) {
  RawField raw;
  raw.field.json = std::move(name);
  raw.field.comment = std::move(comment);
  raw.field.number = number;
  raw.field.type = FieldType::kMessage;
  raw.field.repeated = repeated;
  raw.field.always = true;
  raw.type_name = type;
  raw.protobuf_type = 11;  // FieldDescriptorProto.TYPE_MESSAGE
  return raw;
}

RawMessage list_of(const RawMessage& element) {
  constexpr std::string_view kListMeta = "k8s.io.apimachinery.pkg.apis.meta.v1.ListMeta";
  RawMessage list;
  list.file = element.file;
  list.package = element.package;
  list.name = element.name + "List";
  list.comment = "A list of " + element.kind.plural + ".";
  list.fields.push_back(list_field("metadata", kListMeta, 1, false, "About the list."));
  list.fields.push_back(list_field("items", element.name, 2, true, "The " + element.kind.plural + "."));
  return list;
}

void add_lists(std::vector<RawMessage>& raw) {
  std::set<std::string, std::less<>> names;
  for (const RawMessage& message : raw) names.insert(message.name);
  const size_t given = raw.size();
  for (size_t i = 0; i < given; ++i) {
    if (raw[i].has_resource && raw[i].kind.has_verb("list") && !names.contains(raw[i].name + "List"))
      raw.push_back(list_of(raw[i]));
  }
}

Status check_volatility(const Kind& kind) {
  if (!kind.volatility) return {};
  const auto& volatility = *kind.volatility;
  const auto refuse = [&](const std::string& why) {
    return Status::internal("kind " + kind.kind + " is volatile, " + why);
  };
  const auto range = [&](const char* what, int64_t value, int64_t most) -> Status {
    if (value >= 1 && value <= most) return {};
    return refuse("with " + std::string(what) + " " + std::to_string(value) + "; it must be between 1 and " +
                  std::to_string(most));
  };
  if (kind.storage != &kind) return refuse("but its objects are stored as another version's, which must say it");
  constexpr int64_t kDay = 86'400, kMost = 1'000'000, kMostBytes = 1 << 30;
  if (auto s = range("time_to_live_seconds", volatility.time_to_live_seconds, kDay); !s.ok()) return s;
  if (auto s = range("most", volatility.most, kMost); !s.ok()) return s;
  return range("most_bytes", volatility.most_bytes, kMostBytes);
}

// The text at `path`, if objects are found by it.
std::optional<IndexedField> indexed(const Message* message, const std::string& path) {
  IndexedField found{path, {}};
  std::string_view rest = path;
  while (message != nullptr) {
    const auto dot = std::min(rest.find('.'), rest.size());
    const Field* const field = message->find(rest.substr(0, dot));
    if (field == nullptr || field->repeated || field->map) return std::nullopt;
    found.numbers.push_back(field->number);
    rest.remove_prefix(std::min(dot + 1, rest.size()));
    if (rest.empty()) return field->index && field->type == FieldType::kString ? std::optional(found) : std::nullopt;
    message = field->message;
  }
  return std::nullopt;
}

}  // namespace

const Message* Tree::find_message(std::string_view name) const {
  auto it = messages_.find(name);
  return it == messages_.end() ? nullptr : it->second.get();
}

Status Tree::link_field(RawField& raw, const std::map<std::string_view, RawMessage*>& entries, Field& field) const {
  field = std::move(raw.field);
  if (field.type == FieldType::kMessage) {
    std::string_view target = raw.type_name;
    if (auto it = entries.find(target); it != entries.end()) {
      // map<string, V>: the entry's second field says what V is.
      const RawField* value = nullptr;
      for (const RawField& f : it->second->fields) {
        if (f.field.number == 2) value = &f;
      }
      if (value == nullptr) return Status::internal("descriptor set: map without a value type: " + raw.type_name);
      field.map = true;
      field.repeated = false;
      field.type = value->field.type;
      target = value->type_name;
    }
    if (field.type == FieldType::kMessage) {
      field.message = find_message(target);
      if (field.message == nullptr && base_ != nullptr) field.message = base_->find_message(target);
      if (field.message == nullptr) return Status::internal("descriptor set: unknown type " + std::string(target));
    }
  }
  if (!raw.default_json.empty()) {
    boost::system::error_code error;
    Json value = boost::json::parse(raw.default_json, error);
    if (error) return Status::internal("descriptor set: bad default of " + field.json + ": " + raw.default_json);
    field.default_value = std::move(value);
  }
  return {};
}

void Tree::add_kinds(std::vector<RawMessage>& raw) {
  for (RawMessage& from : raw) {
    if (!from.has_resource) continue;
    auto kind = std::make_unique<Kind>(std::move(from.kind));
    kind->list_kind = kind->kind + "List";
    kind->message = find_message(from.name);
    kind->list_message = find_message(from.package + "." + kind->list_kind);
    kinds_.push_back(std::move(kind));
  }
}

const Kind* Tree::storage_of(const Kind& kind) const {
  const Conversion* conversion = kind.behavior->conversion;
  if (conversion == nullptr) return &kind;
  const auto found = std::find_if(kinds_.begin(), kinds_.end(), [&](const auto& other) {
    return other->group == conversion->group && other->version == conversion->version &&
           other->plural == conversion->plural;
  });
  return found == kinds_.end() ? nullptr : found->get();
}

Status Tree::bind(Behaviors behaviors) {
  for (const Behavior* behavior : behaviors) {
    const auto found = std::find_if(kinds_.begin(), kinds_.end(), [&](const auto& kind) {
      return kind->kind == behavior->kind && kind->group == behavior->group && kind->version == behavior->version;
    });
    if (found == kinds_.end() || (*found)->behavior != &kNothingSpecial) {
      return Status::internal("no kind, or a second behaviour, for " + std::string(behavior->kind) + " of group \"" +
                              std::string(behavior->group) + "\"");
    }
    (*found)->behavior = behavior;
  }
  for (const auto& kind : kinds_) {
    kind->storage = storage_of(*kind);
    if (kind->storage == nullptr) return Status::internal("no resource that stores " + kind->kind);
    if (Status status = check_volatility(*kind); !status.ok()) return status;
    kind->never_owners = base_ != nullptr ? &base_->never_owners_ : &never_owners_;
    if (kind->never_owner) never_owners_.push_back(kind.get());
    for (const auto& path : kind->selectable_fields) {
      if (auto index = indexed(kind->message, path)) kind->indexes.push_back(std::move(*index));
    }
    for (Column& column : kind->columns) {
      if (column.source.starts_with('@')) {
        column.cell = cells::find_cell(*kind->behavior, std::string_view(column.source).substr(1));
      } else if (column.source.starts_with('.')) {
        const auto target = follow(kind->message, std::string_view(column.source).substr(1));
        column.labels = target.field != nullptr && target.field->map && target.field->type == FieldType::kString;
      }
    }
  }
  return {};
}

Status Tree::link(std::vector<RawMessage>& raw) {
  std::map<std::string_view, RawMessage*> entries;
  for (RawMessage& from : raw) {
    files_.insert(from.file);
    if (from.map_entry) {
      entries[from.name] = &from;
      continue;
    }
    auto message = std::make_unique<Message>();
    message->name = from.name;
    message->comment = std::move(from.comment);
    message->form = from.form;
    message->one_of = from.one_of;
    if (!messages_.emplace(from.name, std::move(message)).second) {
      return Status::internal("descriptor set: message " + from.name + " twice");
    }
  }
  for (RawMessage& from : raw) {
    if (from.map_entry) continue;
    Message& message = *messages_.find(from.name)->second;
    message.fields.resize(from.fields.size());
    for (size_t i = 0; i < from.fields.size(); ++i) {
      Status status = link_field(from.fields[i], entries, message.fields[i]);
      if (!status.ok()) return std::move(status).in(from.name);
    }
  }
  std::set<const Message*> done;
  for (const auto& [name, message] : messages_) {
    std::vector<const Message*> path;
    if (const auto* found = find_cycle(*message, is_made_with_parent, done, path)) {
      return Status::internal("descriptor set: message " + found->name +
                              " contains itself through fields with inline or default_struct");
    }
  }
  find_defaults(messages_);
  for (auto& [name, message] : messages_) {
    for (const Field& field : message->fields) message->by_number.emplace(field.number, &field);
    index_fields(*message, *message);
  }
  return {};
}

Expected<std::unique_ptr<Tree>> Tree::build(std::vector<RawMessage> raw, const Tree* base, Behaviors behaviors) {
  std::unique_ptr<Tree> tree(new Tree(base));
  add_lists(raw);
  if (Status status = tree->link(raw); !status.ok()) return status;
  tree->add_kinds(raw);
  if (Status status = tree->bind(behaviors); !status.ok()) return status;
  return tree;
}

}  // namespace gantry::schema
