// Owns the schema tree: builds it from the embedded descriptor set at start, answers lookups afterwards.
// Built on one thread, read from any.
#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <map>

#include "core/schema/descriptor_reader.hpp"
#include "core/schema/schema.hpp"

extern "C" {
extern const char gantry_api_descriptors_begin[];
extern const char gantry_api_descriptors_end[];
}

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

// The order in which upstream's discovery lists its groups.
constexpr std::array<std::string_view, 19> kGroupOrder = {"",
                                                          "apiregistration.k8s.io",
                                                          "apps",
                                                          "events.k8s.io",
                                                          "authentication.k8s.io",
                                                          "authorization.k8s.io",
                                                          "autoscaling",
                                                          "batch",
                                                          "certificates.k8s.io",
                                                          "networking.k8s.io",
                                                          "policy",
                                                          "rbac.authorization.k8s.io",
                                                          "storage.k8s.io",
                                                          "admissionregistration.k8s.io",
                                                          "apiextensions.k8s.io",
                                                          "scheduling.k8s.io",
                                                          "coordination.k8s.io",
                                                          "node.k8s.io",
                                                          "discovery.k8s.io"};

size_t group_rank(std::string_view group) {
  return static_cast<size_t>(std::find(kGroupOrder.begin(), kGroupOrder.end(), group) - kGroupOrder.begin());
}

class Tree final : public Schema {
 public:
  Status build(std::vector<RawMessage> raw);

  const Kind* find_kind(std::string_view group, std::string_view version, std::string_view kind) const override {
    for (const Kind* k : kinds_) {
      if (k->kind == kind && k->group == group && k->version == version) return k;
    }
    return nullptr;
  }
  const Kind* find_resource(std::string_view group, std::string_view version, std::string_view plural) const override {
    for (const Kind* k : kinds_) {
      if (k->plural == plural && k->group == group && k->version == version) return k;
    }
    return nullptr;
  }
  const Message* find_message(std::string_view name) const override {
    auto it = messages_.find(name);
    return it == messages_.end() ? nullptr : it->second.get();
  }
  const std::vector<const Kind*>& kinds() const override { return kinds_; }

 private:
  Status link_field(RawField& raw, const std::map<std::string_view, RawMessage*>& entries, Field& field);
  Status add_kinds(std::vector<RawMessage>& raw);

  std::map<std::string, std::unique_ptr<Message>, std::less<>> messages_;
  std::vector<std::unique_ptr<Kind>> owned_kinds_;
  std::vector<const Kind*> kinds_;
};

void index_fields(Message& message, const Message& from) {
  for (const Field& field : from.fields) {
    if (field.inlined && field.message != nullptr) {
      index_fields(message, *field.message);
    } else {
      message.by_json.emplace(field.json, &field);
    }
  }
}

Status Tree::link_field(RawField& raw, const std::map<std::string_view, RawMessage*>& entries, Field& field) {
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
      auto it = messages_.find(target);
      if (it == messages_.end()) return Status::internal("descriptor set: unknown type " + std::string(target));
      field.message = it->second.get();
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

Status Tree::add_kinds(std::vector<RawMessage>& raw) {
  for (RawMessage& from : raw) {
    if (!from.has_resource) continue;
    auto kind = std::make_unique<Kind>(std::move(from.kind));
    kind->list_kind = kind->kind + "List";
    kind->message = find_message(from.name);
    kind->list_message = find_message(from.package + "." + kind->list_kind);
    owned_kinds_.push_back(std::move(kind));
  }
  for (const auto& kind : owned_kinds_) kinds_.push_back(kind.get());
  std::sort(kinds_.begin(), kinds_.end(), [](const Kind* a, const Kind* b) {
    auto key = [](const Kind* k) {
      return std::tuple(group_rank(k->group), std::string_view(k->group), std::string_view(k->version),
                        std::string_view(k->plural));
    };
    return key(a) < key(b);
  });
  return {};
}

Status Tree::build(std::vector<RawMessage> raw) {
  std::map<std::string_view, RawMessage*> entries;
  for (RawMessage& from : raw) {
    if (from.map_entry) {
      entries[from.name] = &from;
      continue;
    }
    auto message = std::make_unique<Message>();
    message->name = from.name;
    message->comment = std::move(from.comment);
    message->form = from.form;
    message->one_of = from.one_of;
    messages_.emplace(from.name, std::move(message));
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
  for (auto& [name, message] : messages_) {
    for (const Field& field : message->fields) message->by_number.emplace(field.number, &field);
    index_fields(*message, *message);
  }
  return add_kinds(raw);
}

}  // namespace

Expected<std::unique_ptr<Schema>> Schema::builtin() {
  auto size = static_cast<size_t>(gantry_api_descriptors_end - gantry_api_descriptors_begin);
  auto raw = read_descriptors({gantry_api_descriptors_begin, size});
  if (!raw) return std::move(raw).error();
  auto tree = std::make_unique<Tree>();
  if (Status status = tree->build(*std::move(raw)); !status.ok()) return status;
  return std::unique_ptr<Schema>(std::move(tree));
}

}  // namespace gantry::schema
