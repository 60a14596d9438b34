// Owns the field numbers of gantry/schema.proto. Pure functions, any thread.
#include "core/schema/tree/option_reader.hpp"

#include <algorithm>

#include "core/schema/codec/wire.hpp"

namespace gantry::schema {
namespace {

using wire::Entry;
using wire::Reader;

std::string option_text(const Entry& entry) { return std::string(entry.bytes); }

Column read_column(std::string_view bytes) {
  Column column;
  Reader reader(bytes);
  for (Entry entry; reader.next(entry);) {
    switch (entry.number) {
      case 1:
        column.name = option_text(entry);
        break;
      case 2:
        column.type = option_text(entry);
        break;
      case 3:
        column.format = option_text(entry);
        break;
      case 4:
        column.description = option_text(entry);
        break;
      case 5:
        column.priority = static_cast<int32_t>(entry.value);
        break;
      case 6:
        column.source = option_text(entry);
        break;
      case 7:
        column.empty = option_text(entry);
        break;
      case 8:
        column.numeric = entry.value != 0;
        break;
      default:
        break;
    }
  }
  return column;
}

schema::Subresource read_subresource(std::string_view bytes) {
  schema::Subresource sub;
  Reader reader(bytes);
  for (Entry entry; reader.next(entry);) {
    switch (entry.number) {
      case 1:
        sub.name = option_text(entry);
        break;
      case 2:
        sub.verbs.push_back(option_text(entry));
        break;
      case 3:
        sub.kind = option_text(entry);
        break;
      case 4:
        sub.group = option_text(entry);
        break;
      case 5:
        sub.version = option_text(entry);
        break;
      default:
        break;
    }
  }
  return sub;
}

Volatility read_volatility(std::string_view bytes) {
  Volatility volatility;
  Reader reader(bytes);
  for (Entry entry; reader.next(entry);) {
    const auto value = static_cast<int64_t>(entry.value);
    if (entry.number == 1) volatility.time_to_live_seconds = value;
    if (entry.number == 2) volatility.most = value;
    if (entry.number == 3) volatility.most_bytes = value;
  }
  return volatility;
}

void read_resource(std::string_view bytes, Kind& kind) {
  Reader reader(bytes);
  for (Entry entry; reader.next(entry);) {
    switch (entry.number) {
      case 1:
        kind.group = option_text(entry);
        break;
      case 2:
        kind.version = option_text(entry);
        break;
      case 3:
        kind.plural = option_text(entry);
        break;
      case 4:
        kind.singular = option_text(entry);
        break;
      case 5:
        kind.namespaced = entry.value != 0;
        break;
      case 6:
        kind.short_names.push_back(option_text(entry));
        break;
      case 7:
        kind.categories.push_back(option_text(entry));
        break;
      case 8:
        kind.verbs.push_back(option_text(entry));
        break;
      case 9:
        kind.subresources.push_back(read_subresource(entry.bytes));
        break;
      case 10:
        kind.columns.push_back(read_column(entry.bytes));
        break;
      case 11:
        kind.selectable_fields.push_back(option_text(entry));
        break;
      case 12:
        kind.generation = entry.value != 0;
        break;
      case 13:
        kind.name_format = option_text(entry);
        break;
      case 14:
        kind.group_priority = static_cast<int32_t>(entry.value);
        break;
      case 15:
        kind.never_owner = entry.value != 0;
        break;
      case 16:
        kind.warning = option_text(entry);
        break;
      case 17:
        kind.volatility = read_volatility(entry.bytes);
        break;
      case 18:
        kind.deprecated = option_text(entry);
        break;
      default:
        break;
    }
  }
  if (kind.name_format.empty()) kind.name_format = "dns1123-subdomain";
  auto paths = kind.selectable_fields;
  std::sort(paths.begin(), paths.end());
  kind.selectable_paths = std::make_shared<const std::vector<std::string>>(std::move(paths));
}

}  // namespace

void read_field_rules(std::string_view bytes, RawField& raw) {
  Field& field = raw.field;
  Reader reader(bytes);
  for (Entry entry; reader.next(entry);) {
    switch (entry.number) {
      case 1:
        field.always = entry.value == 1;
        break;
      case 2:
        field.pointer = entry.value != 0;
        break;
      case 3:
        field.inlined = entry.value != 0;
        break;
      case 4:
        field.patch_strategy = option_text(entry);
        break;
      case 5:
        field.patch_merge_key = option_text(entry);
        break;
      case 6:
        field.list_type = entry.bytes == "map"   ? ListType::kMap
                          : entry.bytes == "set" ? ListType::kSet
                                                 : ListType::kAtomic;
        break;
      case 7:
        field.list_map_keys.push_back(option_text(entry));
        break;
      case 8:
        field.map_atomic = entry.bytes == "atomic";
        break;
      case 9:
        raw.default_json = option_text(entry);
        break;
      case 10:
        field.required = entry.value != 0;
        break;
      case 11:
        field.enum_values.push_back(option_text(entry));
        break;
      case 12:
        field.format = option_text(entry);
        break;
      case 13:
        field.minimum = static_cast<int64_t>(entry.value);
        break;
      case 14:
        field.maximum = static_cast<int64_t>(entry.value);
        break;
      case 15:
        field.immutable = entry.value != 0;
        break;
      case 16:
        field.default_struct = entry.value != 0;
        break;
      case 17:
        field.duplicates = entry.value != 0;
        break;
      case 18:
        field.required_message = option_text(entry);
        break;
      case 19:
        field.range_message = option_text(entry);
        break;
      case 20:
        field.enum_message = option_text(entry);
        break;
      case 21:
        field.index = entry.value != 0;
        break;
      default:
        break;
    }
  }
}

void read_message_rules(std::string_view bytes, RawMessage& message) {
  constexpr Form kForms[] = {Form::kStruct,      Form::kTime,    Form::kMicroTime, Form::kQuantity,
                             Form::kIntOrString, Form::kRawJson, Form::kDuration,  Form::kList};
  Reader reader(bytes);
  for (Entry entry; reader.next(entry);) {
    if (entry.number == 1 && entry.value < std::size(kForms)) message.form = kForms[entry.value];
    if (entry.number == 2) {
      message.has_resource = true;
      read_resource(entry.bytes, message.kind);
    }
    if (entry.number == 3) message.one_of = entry.value != 0;
  }
}

}  // namespace gantry::schema
