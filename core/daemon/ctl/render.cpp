#include "core/daemon/ctl/render.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>

namespace gantry::ctl {
namespace {

namespace json = boost::json;

const json::value* member(const json::value& value, std::string_view key) {
  const auto* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(key);
}

std::string text(const json::value& value, std::string_view key) {
  const auto* found = member(value, key);
  if (found == nullptr || found->is_null()) return {};
  if (const auto* string = found->if_string()) return std::string(*string);
  return json::serialize(*found);
}

int64_t number(const json::value& value, std::string_view key) {
  const auto* found = member(value, key);
  if (found == nullptr) return 0;
  if (const auto* i = found->if_int64()) return *i;
  if (const auto* u = found->if_uint64()) return static_cast<int64_t>(*u);
  return 0;
}

bool truth(const json::value& value, std::string_view key) {
  const auto* found = member(value, key);
  return found != nullptr && found->is_bool() && found->get_bool();
}

std::vector<std::string> strings(const json::value& value, std::string_view key) {
  std::vector<std::string> out;
  const auto* found = member(value, key);
  if (found == nullptr || !found->is_array()) return out;
  for (const auto& item : found->get_array()) {
    if (const auto* string = item.if_string()) out.emplace_back(*string);
  }
  return out;
}

const json::array& items(const json::value& value, std::string_view key) {
  static const json::array none;
  const auto* found = member(value, key);
  return found != nullptr && found->is_array() ? found->get_array() : none;
}

std::string joined(const std::vector<std::string>& list) {
  std::string out;
  for (const auto& item : list) out += (out.empty() ? "" : ",") + item;
  return out.empty() ? "<none>" : out;
}

std::string or_none(std::string value) { return value.empty() ? "<none>" : value; }

std::string short_id(const std::string& id) {
  const size_t colon = id.find(':');
  return id.substr(colon == std::string::npos ? 0 : colon + 1).substr(0, 12);
}

// "Label:   value" lines, values below each other.
std::string details(const std::vector<std::pair<std::string, std::string>>& lines) {
  size_t width = 0;
  for (const auto& [label, value] : lines) width = std::max(width, label.size());
  std::string out;
  for (const auto& [label, value] : lines) {
    out += label + ":" + std::string(width - label.size() + 3, ' ') + or_none(value) + "\n";
  }
  return out;
}

}  // namespace

std::string table(const std::vector<std::string>& headers, const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& header : headers) widths.push_back(header.size());
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  const auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      line += row[i] + std::string(widths[i] - row[i].size() + 3, ' ');
    }
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add(headers);
  for (const auto& row : rows) add(row);
  return out;
}

std::string human_size(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1000 && unit + 1 < std::size(kUnits); ++unit) value /= 1000;
  char text_buffer[32];
  std::snprintf(text_buffer, sizeof text_buffer, unit == 0 || value >= 100 ? "%.0f%s" : "%.1f%s", value, kUnits[unit]);
  return text_buffer;
}

std::string human_duration(int64_t seconds) {
  const auto two = [](int64_t large, const char* unit, int64_t small, const char* rest) {
    return std::to_string(large) + unit + (small > 0 ? std::to_string(small) + rest : "");
  };
  if (seconds < 0) seconds = 0;
  const int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (minutes < 10) return two(minutes, "m", seconds % 60, "s");
  if (hours < 3) return std::to_string(minutes) + "m";
  if (hours < 8) return two(hours, "h", minutes % 60, "m");
  if (hours < 48) return std::to_string(hours) + "h";
  if (days < 8) return two(days, "d", hours % 24, "h");
  return std::to_string(days) + "d";
}

std::string render_status(const json::value& status) {
  return details({{"Version", text(status, "version")},
                  {"Ready", truth(status, "ready") ? "yes" : "no"},
                  {"PID", text(status, "pid")},
                  {"Uptime", human_duration(number(status, "uptimeSeconds"))},
                  {"Roles", joined(strings(status, "roles"))},
                  {"Node", text(status, "node")},
                  {"API", joined(strings(status, "api"))},
                  {"Kubeconfig", text(status, "kubeconfig")},
                  {"Data", text(status, "dataDir")}});
}

std::string render_clock(const json::value& state) {
  const auto next = text(state, "next");
  return details({{"Now", text(state, "now")},
                  {"Next", next.empty() ? "nothing is due" : next},
                  {"Fired", text(state, "fired") + " timers; " + text(state, "timers") + " wait"},
                  {"Digest", text(state, "digest")},
                  {"Repeatable", truth(state, "repeatable") ? "yes" : "no"}});
}

std::string render_images(const json::value& answer, Format format) {
  std::vector<std::vector<std::string>> rows;
  std::string names_only;
  for (const auto& image : items(answer, "images")) {
    const auto id = text(image, "id");
    auto names = strings(image, "names");
    if (names.empty()) names.push_back(format == Format::kName ? id : "<none>");
    for (const auto& name : names) {
      names_only += name + "\n";
      if (format == Format::kWide) {
        rows.push_back({name, id, human_size(number(image, "size")), joined(strings(image, "digests"))});
      } else {
        rows.push_back({name, short_id(id), human_size(number(image, "size"))});
      }
    }
  }
  if (format == Format::kName) return names_only;
  if (rows.empty()) return "No images found.\n";
  std::vector<std::string> headers{"NAME", "IMAGE ID", "SIZE"};
  if (format == Format::kWide) headers.emplace_back("DIGESTS");
  return table(headers, rows);
}

std::string render_plugins(const json::value& answer, Format format) {
  std::vector<std::vector<std::string>> rows;
  std::string names_only;
  for (const auto& plugin : items(answer, "plugins")) {
    names_only += text(plugin, "name") + "\n";
    // One that ended the daemon runs apart for that, or not at all.
    const auto isolation = text(plugin, "isolation") + (text(plugin, "crash").empty() ? "" : ",EndedTheDaemon");
    rows.push_back({or_none(text(plugin, "name")), or_none(text(plugin, "version")), text(plugin, "phase"),
                    or_none(isolation), joined(strings(plugin, "interfaces"))});
    if (format != Format::kWide) continue;
    rows.back().insert(rows.back().end(), {or_none(text(plugin, "vendor")), truth(plugin, "required") ? "yes" : "no",
                                           or_none(text(plugin, "path")), or_none(text(plugin, "message"))});
  }
  if (format == Format::kName) return names_only;
  if (rows.empty()) return "No plugins found.\n";
  std::vector<std::string> headers{"NAME", "VERSION", "PHASE", "ISOLATION", "INTERFACES"};
  if (format == Format::kWide) headers.insert(headers.end(), {"VENDOR", "REQUIRED", "PATH", "MESSAGE"});
  return table(headers, rows);
}

const json::value* find_plugin(const json::value& answer, const std::string& name) {
  for (const auto& plugin : items(answer, "plugins")) {
    if (text(plugin, "name") == name) return &plugin;
  }
  return nullptr;
}

std::string render_plugin(const json::value& plugin) {
  return details({{"Name", text(plugin, "name")},
                  {"Description", text(plugin, "description")},
                  {"Version", text(plugin, "version")},
                  {"Vendor", text(plugin, "vendor")},
                  {"ABI", text(plugin, "abi")},
                  {"Phase", text(plugin, "phase")},
                  {"Message", text(plugin, "message")},
                  {"Isolation", text(plugin, "isolation")},
                  {"Ended Daemon", text(plugin, "crash")},
                  {"Required", truth(plugin, "required") ? "yes" : "no"},
                  {"Interfaces", joined(strings(plugin, "interfaces"))},
                  {"Reloads", text(plugin, "reloads")},
                  {"Failed Reloads", text(plugin, "failedReloads")},
                  {"Restarts", text(plugin, "restarts")},
                  {"Path", text(plugin, "path")},
                  {"SHA-256", text(plugin, "sha256")}});
}

std::string render_reload(const json::value& plugin) {
  return " (version " + text(plugin, "version") + ", calls waited for " + text(plugin, "lastPauseMicroseconds") + "us)";
}

std::string render_image(const plugin::ImageInfo& image) {
  return details({{"Name", image.name},
                  {"Description", image.description},
                  {"Version", image.version},
                  {"Vendor", image.vendor},
                  {"ABI", std::to_string(image.abi_major) + "." + std::to_string(image.abi_minor)},
                  {"Interfaces", joined(image.interfaces)},
                  {"SHA-256", image.sha256}});
}

}  // namespace gantry::ctl
