// Owns the reading of descriptor sets: field numbers of google/protobuf/descriptor.proto.
// Pure functions, any thread.
#include "core/schema/tree/descriptor_reader.hpp"

#include <map>

#include "core/schema/codec/wire.hpp"
#include "core/schema/tree/option_reader.hpp"

namespace gantry::schema {
namespace {

using wire::Entry;
using wire::Reader;

constexpr uint32_t kOptionNumber = 51200;
// Messages within messages: real ones hold map entries, and no more.
constexpr size_t kMaxNesting = 32;

std::string text(const Entry& entry) { return std::string(entry.bytes); }

// Comments of one file, by the path of the commented element.
using Comments = std::map<std::vector<uint32_t>, std::string>;

// "// one\n// two" arrives as " one\n two\n": one paragraph a block, joined as go's doc comments are.
std::string tidy(std::string_view comment) {
  std::string out;
  size_t begin = 0;
  while (begin < comment.size()) {
    size_t end = comment.find('\n', begin);
    if (end == std::string_view::npos) end = comment.size();
    std::string_view line = comment.substr(begin, end - begin);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
    if (line.empty()) {
      if (!out.empty()) out += "\n\n";
    } else {
      if (!out.empty() && out.back() != '\n') out += ' ';
      out += line;
    }
    begin = end + 1;
  }
  while (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

void read_comments(std::string_view source_info, Comments& comments) {
  Reader locations(source_info);
  for (Entry location; locations.next(location);) {
    if (location.number != 1) continue;
    std::vector<uint32_t> path;
    std::string_view leading;
    Reader reader(location.bytes);
    for (Entry entry; reader.next(entry);) {
      if (entry.number == 1 && entry.type == wire::Type::kBytes) {
        Reader packed(entry.bytes);
        for (uint64_t value = 0; !packed.at_end() && packed.varint(value);) {
          path.push_back(static_cast<uint32_t>(value));
        }
      } else if (entry.number == 3) {
        leading = entry.bytes;
      }
    }
    if (!leading.empty() && path.size() <= 4) comments[path] = tidy(leading);
  }
}

void read_message_options(std::string_view bytes, RawMessage& message) {
  Reader reader(bytes);
  for (Entry entry; reader.next(entry);) {
    if (entry.number == 7) message.map_entry = entry.value != 0;
    if (entry.number == kOptionNumber) read_message_rules(entry.bytes, message);
  }
}

FieldType type_of(uint64_t protobuf_type) {
  switch (protobuf_type) {
    case 1:
    case 2:
      return FieldType::kDouble;
    case 3:
    case 4:
    case 13:
      return FieldType::kInt64;
    case 5:
      return FieldType::kInt32;
    case 8:
      return FieldType::kBool;
    case 11:
      return FieldType::kMessage;
    case 12:
      return FieldType::kBytes;
    default:
      return FieldType::kString;
  }
}

RawField read_field(std::string_view bytes) {
  RawField raw;
  Reader reader(bytes);
  for (Entry entry; reader.next(entry);) {
    switch (entry.number) {
      case 3:
        raw.field.number = static_cast<uint32_t>(entry.value);
        break;
      case 4:
        raw.field.repeated = entry.value == 3;
        break;
      case 5:
        raw.field.type = type_of(entry.value);
        raw.protobuf_type = static_cast<uint32_t>(entry.value);
        break;
      case 6:
        raw.type_name = std::string(entry.bytes.substr(entry.bytes.starts_with('.') ? 1 : 0));
        break;
      case 10:
        raw.field.json = text(entry);
        break;
      case 8: {
        Reader options(entry.bytes);
        for (Entry option; options.next(option);) {
          if (option.number == kOptionNumber) read_field_rules(option.bytes, raw);
        }
        break;
      }
      default:
        break;
    }
  }
  return raw;
}

// Where a message stands: its file, the package or message around it, and its path in the file's comments.
struct Place {
  const std::string& file;
  const std::string& scope;
  std::vector<uint32_t> path;
  size_t depth = 0;
};

bool read_message(std::string_view bytes, const Place& place, Comments& comments, std::vector<RawMessage>& out) {
  RawMessage message;
  message.file = place.file;
  message.package = place.scope;
  std::vector<std::string_view> nested;
  uint32_t index = 0;
  Reader reader(bytes);
  for (Entry entry; reader.next(entry);) {
    if (entry.number == 1) message.name = place.scope + "." + text(entry);
    if (entry.number == 2) {
      message.fields.push_back(read_field(entry.bytes));
      auto field_path = place.path;
      field_path.insert(field_path.end(), {2, index++});
      if (auto it = comments.find(field_path); it != comments.end()) {
        message.fields.back().field.comment = std::move(it->second);
      }
    }
    if (entry.number == 3) nested.push_back(entry.bytes);
    if (entry.number == 7) read_message_options(entry.bytes, message);
  }
  if (reader.failed() || place.depth > kMaxNesting) return false;
  if (auto it = comments.find(place.path); it != comments.end()) message.comment = std::move(it->second);
  std::string name = message.name;
  if (message.has_resource) message.kind.kind = name.substr(name.rfind('.') + 1);
  out.push_back(std::move(message));
  for (std::string_view inner : nested) {
    // Nested messages are map entries: they carry no comments.
    Comments none;
    if (!read_message(inner, {place.file, name, {}, place.depth + 1}, none, out)) return false;
  }
  return true;
}

}  // namespace

Expected<std::vector<RawMessage>> read_descriptors(std::string_view bytes, size_t max_messages) {
  std::vector<RawMessage> out;
  Reader files(bytes);
  for (Entry file; files.next(file);) {
    if (file.number != 1) continue;
    std::string name, package;
    std::vector<std::string_view> messages;
    Comments comments;
    std::string_view source_info;
    Reader reader(file.bytes);
    for (Entry entry; reader.next(entry);) {
      if (entry.number == 1) name = text(entry);
      if (entry.number == 2) package = text(entry);
      if (entry.number == 4) messages.push_back(entry.bytes);
      if (entry.number == 9) source_info = entry.bytes;
    }
    if (reader.failed()) return Status::internal("descriptor set: broken file " + name);
    if (package.starts_with("google.") || package == "gantry.schema") continue;
    read_comments(source_info, comments);
    for (uint32_t i = 0; i < messages.size(); ++i) {
      if (!read_message(messages[i], {name, package, {4, i}}, comments, out)) {
        return Status::internal("descriptor set: broken message in " + name);
      }
      if (out.size() > max_messages) {
        return Status::internal("descriptor set: more than " + std::to_string(max_messages) + " messages");
      }
    }
  }
  if (files.failed()) return Status::internal("descriptor set: broken");
  return out;
}

}  // namespace gantry::schema
