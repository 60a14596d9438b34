#include "core/daemon/config_values.hpp"

namespace gantry::daemon {

std::string place(const std::string& file, const toml::source_region& where) {
  return file + ":" + std::to_string(where.begin.line) + ":" + std::to_string(where.begin.column) + ": ";
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "a boolean";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::table:
      return "a table";
    default:
      return "a date or time";
  }
}

TomlPluginTable::TomlPluginTable(std::string file, std::string name, toml::table table)
    : file_(std::move(file)), name_(std::move(name)), table_(std::move(table)) {}

const toml::node* TomlPluginTable::ask(std::string_view key) {
  const std::lock_guard lock(mutex_);
  asked_.emplace(key);
  return table_.at_path(key).node();
}

Status TomlPluginTable::wrong(std::string_view key, const toml::node& node, std::string_view expected) const {
  return Status::invalid(place(file_, node.source()) + "plugin." + name_ + "." + std::string(key) + ": expected " +
                         std::string(expected) + ", found " + std::string(type_name(node)));
}

Expected<std::optional<std::string>> TomlPluginTable::get_string(std::string_view key) {
  const auto* node = ask(key);
  if (node == nullptr) return std::optional<std::string>();
  if (!node->is_string()) return wrong(key, *node, "a string");
  return std::optional(node->as_string()->get());
}

Expected<std::optional<int64_t>> TomlPluginTable::get_int(std::string_view key) {
  const auto* node = ask(key);
  if (node == nullptr) return std::optional<int64_t>();
  if (!node->is_integer()) return wrong(key, *node, "an integer");
  return std::optional(node->as_integer()->get());
}

Expected<std::optional<bool>> TomlPluginTable::get_bool(std::string_view key) {
  const auto* node = ask(key);
  if (node == nullptr) return std::optional<bool>();
  if (!node->is_boolean()) return wrong(key, *node, "a boolean");
  return std::optional(node->as_boolean()->get());
}

Expected<std::optional<std::vector<std::string>>> TomlPluginTable::get_strings(std::string_view key) {
  const auto* node = ask(key);
  if (node == nullptr) return std::optional<std::vector<std::string>>();
  if (!node->is_array()) return wrong(key, *node, "an array of strings");
  std::vector<std::string> items;
  for (const auto& item : *node->as_array()) {
    if (!item.is_string()) return wrong(key, item, "an array of strings");
    items.push_back(item.as_string()->get());
  }
  return std::optional(std::move(items));
}

void TomlPluginTable::collect_unknown(const toml::table& table, const std::string& prefix,
                                      std::vector<std::string>& out) const {
  for (const auto& [key, node] : table) {
    const std::string path = prefix + std::string(key.str());
    if (asked_.contains(path)) continue;
    if (node.is_table()) {
      collect_unknown(*node.as_table(), path + ".", out);
    } else {
      out.push_back(place(file_, key.source()) + "plugin." + name_ + "." + path + ": unknown key");
    }
  }
}

std::vector<std::string> TomlPluginTable::unknown_keys() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> unknown;
  collect_unknown(table_, "", unknown);
  return unknown;
}

}  // namespace gantry::daemon
