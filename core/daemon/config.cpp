// Reading the file, and printing what came of it.
#include "core/daemon/config.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>

#include "core/daemon/config_keys.hpp"
#include "core/daemon/config_plugins.hpp"
#include "core/daemon/config_rules.hpp"
#include "core/files/errno_status.hpp"

namespace gantry::daemon {
namespace {

namespace fs = std::filesystem;

void read_table(const std::string& file, std::string_view name, const toml::table& table, Config& config,
                std::vector<std::string>& errors) {
  for (const auto& [key, node] : table) {
    const std::string path = std::string(name) + "." + std::string(key.str());
    const auto& all = config_keys();
    const auto spec = std::find_if(all.begin(), all.end(), [&, k = key.str()](const KeySpec& candidate) {
      return candidate.table == name && candidate.key == k;
    });
    if (spec == all.end()) {
      std::string known;
      for (const auto& candidate : all) {
        if (candidate.table == name) known += (known.empty() ? "" : ", ") + std::string(candidate.key);
      }
      errors.push_back(place(file, key.source()) + path + ": unknown key; [" + std::string(name) + "] has " + known);
      continue;
    }
    config.places[path] = place(file, node.source());
    const auto expected = spec->read(node, config);
    if (expected.empty()) continue;
    const bool says_found = expected.find(", found ") != std::string::npos;
    errors.push_back(place(file, node.source()) + path + ": expected " + expected +
                     (says_found ? "" : ", found " + std::string(type_name(node))));
  }
}

bool has_key(const toml::table& root, std::string_view table, std::string_view key) {
  const auto* found = root.get_as<toml::table>(table);
  return found != nullptr && found->contains(key);
}

bool known_table(std::string_view name) {
  return std::any_of(config_keys().begin(), config_keys().end(),
                     [&](const KeySpec& spec) { return spec.table == name; });
}

void read_root(const std::string& file, toml::table& root, Config& config, std::vector<std::string>& errors) {
  for (auto&& [key, node] : root) {
    const std::string name(key.str());
    if (name != "plugin" && !known_table(name)) {
      errors.push_back(place(file, key.source()) + name +
                       ": unknown key; the tables are [daemon], [api], [plugins], [plugin.NAME], [log], [node], "
                       "[network], [runtime], [limits], [simulation]");
    } else if (!node.is_table()) {
      errors.push_back(place(file, node.source()) + name + ": expected a table, found " + std::string(type_name(node)));
    } else if (name == "plugin") {
      for (auto&& [plugin, table] : *node.as_table()) {
        read_plugin_table(file, std::string(plugin.str()), table, config, errors);
      }
    } else {
      read_table(file, name, *node.as_table(), config, errors);
    }
  }
}

fs::path executable_dir() {
  std::error_code error;
  const auto path = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path("/usr/local/bin") : path.parent_path();
}

Expected<std::string> read_text(const fs::path& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  if (in) text << in.rdbuf();
  std::error_code ignored;
  const bool is_folder = in && fs::is_directory(file, ignored);
  if (!in || in.bad() || is_folder) return files::status_of_errno(file.string(), is_folder ? EISDIR : errno);
  return text.str();
}

}  // namespace

bool Config::has_role(std::string_view role) const {
  return std::find(roles.begin(), roles.end(), role) != roles.end();
}

std::string Config::place_of(std::string_view key) const {
  const auto it = places.find(key);
  return (it != places.end() ? it->second : file.string() + ": ") + std::string(key);
}

std::string Config::instance_suffix() const {
  if (data_dir == "/var/lib/gantry") return {};
  uint32_t hash = 2'166'136'261U;  // FNV-1a
  for (const char c : data_dir.lexically_normal().string()) hash = (hash ^ static_cast<uint8_t>(c)) * 16'777'619U;
  char text[9];
  std::snprintf(text, sizeof text, "%08x", hash);
  return std::string(text, 6);
}

fs::path default_plugin_dir() { return executable_dir().parent_path() / "lib" / "gantry" / "plugins"; }
fs::path default_config_file() { return executable_dir().parent_path() / "lib" / "gantry" / "defaults.toml"; }
fs::path libexec_dir() { return executable_dir().parent_path() / "libexec" / "gantry"; }

Expected<Config> parse_config(std::string_view text, const fs::path& name, std::string_view defaults) {
  Config config;
  config.plugin_dirs = {default_plugin_dir().string()};
  std::vector<std::string> errors;
  for (const auto& [what, of] : {std::pair(defaults, default_config_file()), std::pair(text, name)}) {
    toml::table root;
    try {
      root = toml::parse(what, of.string());
    } catch (const toml::parse_error& error) {
      return Status::invalid(place(of.string(), error.source()) + std::string(error.description()));
    }
    config.file = of;
    config.places.clear();
    // The packaged overlay goes with the packaged network: another one may reach the other nodes by itself.
    if (has_key(root, "network", "plugin")) config.overlay_plugin.clear();
    read_root(of.string(), root, config, errors);
  }
  fit_defaults(config);
  check_rules(config, errors);
  if (errors.empty()) return config;
  std::string all;
  for (const auto& error : errors) all += (all.empty() ? "" : "\n") + error;
  return Status::invalid(all);
}

Expected<Config> load_config(const fs::path& path) {
  const fs::path standard = "/etc/gantry/gantry.toml";
  fs::path file = path;
  std::error_code ignored;
  if (file.empty() && fs::exists(standard, ignored)) file = standard;
  Expected<std::string> text = file.empty() ? Expected<std::string>(std::string()) : read_text(file);
  if (!text && text.error().code() != 404) return std::move(text).error();
  if (!text) {
    return Status::not_found(text.error().message() + "; give --config FILE or leave it out for the defaults");
  }
  auto defaults = read_text(default_config_file());
  if (!defaults && defaults.error().code() != 404) return std::move(defaults).error();
  return parse_config(*text, file, defaults ? *defaults : std::string());
}

std::string print_config(const Config& config) {
  std::string out = "# Effective configuration of gantryd";
  out += config.file.empty() ? ", all defaults.\n" : ", from " + config.file.string() + ".\n";
  std::string_view table;
  for (const auto& spec : config_keys()) {
    if (spec.table != table) out += "\n[" + std::string(spec.table) + "]\n";
    table = spec.table;
    out += "# " + std::string(spec.comment) + "\n" + std::string(spec.key) + " = " + spec.print(config) + "\n";
  }
  if (config.plugins.empty()) return out;
  return out + print_plugin_tables(config);
}

}  // namespace gantry::daemon
