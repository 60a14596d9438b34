// Owns to_yaml: documents as block-style YAML with sorted keys, as kubectl prints them. Any thread.
#include "core/schema/codec/json_write.hpp"
#include "core/schema/codec/yaml.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

// May the text stand without quotes and be read back as the same string?
bool plain_text(std::string_view text) {
  if (text.empty() || !resolve_plain_scalar(text).is_string()) return false;
  if (text.front() == ' ' || text.back() == ' ' || text == "<<" || text == "=") return false;
  // The end of a document, and what a reader takes for the mark of an encoding.
  if (text.starts_with("...") || text.starts_with("\xEF\xBB\xBF")) return false;
  constexpr std::string_view kIndicators = "-?:,[]{}#&*!|>'\"%@`";
  if (kIndicators.find(text.front()) != std::string_view::npos) {
    bool dash =
        (text.front() == '-' || text.front() == '?' || text.front() == ':') && text.size() > 1 && text[1] != ' ';
    if (!dash || text.starts_with("---")) return false;
  }
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) return false;
    if (c == ':' && (i + 1 == text.size() || text[i + 1] == ' ')) return false;
    if (c == '#' && i > 0 && text[i - 1] == ' ') return false;
  }
  // Dates look like strings to us and like dates to other readers.
  bool date = text.size() >= 10 && text[4] == '-' && text[7] == '-' && text[0] >= '0' && text[0] <= '9';
  return !date;
}

class YamlWriter {
 public:
  std::string out;

  // Writes after "key:" or "-": nested values go to lines of their own.
  void value(const Json& value, size_t indent, bool in_list) {
    if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
      map(*object, indent, in_list);
    } else if (const auto* array = value.if_array(); array != nullptr && !array->empty()) {
      list(*array, indent, in_list);
    } else {
      out += ' ';
      scalar(value, indent);
      out += '\n';
    }
  }

  void map(const boost::json::object& object, size_t indent, bool in_list) {
    std::vector<const boost::json::key_value_pair*> entries;
    for (const auto& entry : object) entries.push_back(&entry);
    sort_entries(entries);
    bool first = true;
    for (const auto* entry : entries) {
      if (first && in_list) {
        out += ' ';
      } else {
        if (first && !out.empty() && out.back() != '\n') out += '\n';
        out.append(indent, ' ');
      }
      first = false;
      key(entry->key(), indent);
      bool is_list = entry->value().is_array();
      value(entry->value(), is_list ? indent : indent + 2, false);
    }
  }

  // A key in front of its colon stands on one line, and readers look for the colon only so far.
  void key(std::string_view string, size_t indent) {
    constexpr size_t kFarthest = 1000;
    const bool far = string.size() > kFarthest;
    if (far) out += "? ";
    if (string.find('\n') != std::string_view::npos) {
      append_json_string(out, string);
    } else {
      text(string, indent);
    }
    if (far) out.append("\n").append(indent, ' ');
    out += ':';
  }

  void list(const boost::json::array& array, size_t indent, bool in_list) {
    bool first = true;
    for (const Json& item : array) {
      if (first && in_list) {
        out += ' ';
      } else {
        if (first && !out.empty() && out.back() != '\n') out += '\n';
        out.append(indent, ' ');
      }
      first = false;
      out += '-';
      value(item, indent + 2, true);
    }
  }

  void scalar(const Json& value, size_t indent) {
    if (const auto* string = value.if_string()) {
      text(*string, indent);
    } else {
      append_plain_json(out, value);
    }
  }

  void text(std::string_view string, size_t indent) {
    if (plain_text(string)) {
      out += string;
    } else if (string.find('\n') != std::string_view::npos && string.front() != ' ' && string.front() != '\n' &&
               printable(string)) {
      block(string, indent);
    } else if (printable(string) && string.find('\n') == std::string_view::npos && !resolves(string)) {
      out += '\'';
      for (char c : string) out += c == '\'' ? std::string("''") : std::string(1, c);
      out += '\'';
    } else {
      append_json_string(out, string);
    }
  }

 private:
  // go-yaml puts strings that look like other types into double quotes.
  static bool resolves(std::string_view string) { return string.empty() || !resolve_plain_scalar(string).is_string(); }

  static bool printable(std::string_view string) {
    for (char c : string) {
      if ((static_cast<uint8_t>(c) < 0x20 && c != '\n') || c == 0x7f) return false;
    }
    return true;
  }

  void block(std::string_view string, size_t indent) {
    bool ends = string.back() == '\n';
    out += !ends ? "|-" : string.size() > 1 && string[string.size() - 2] == '\n' ? "|+" : "|";
    if (ends) string.remove_suffix(1);
    size_t begin = 0;
    while (begin <= string.size()) {
      size_t end = string.find('\n', begin);
      if (end == std::string_view::npos) end = string.size();
      out += '\n';
      if (end > begin) out.append(indent == 0 ? 2 : indent, ' ').append(string, begin, end - begin);
      begin = end + 1;
    }
  }
};

}  // namespace

std::string to_yaml(const Json& document) {
  YamlWriter writer;
  if (const auto* object = document.if_object(); object != nullptr && !object->empty()) {
    writer.map(*object, 0, false);
  } else if (const auto* array = document.if_array(); array != nullptr && !array->empty()) {
    writer.list(*array, 0, false);
  } else {
    writer.scalar(document, 0);
    writer.out += '\n';
  }
  return std::move(writer.out);
}

}  // namespace gantry::schema
