#include "core/daemon/ctl/plugin_new.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::ctl {
namespace {

namespace fs = std::filesystem;
using Values = std::vector<std::pair<std::string, std::string>>;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

// The rule that the daemon holds plugins' names to.
bool is_label(const std::string& name) {
  return !name.empty() && name.size() <= 63 && is_letter_or_digit(name.front()) && is_letter_or_digit(name.back()) &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

// "pod-counter": PodCounter. A class may not begin with a digit, a plugin may.
std::string class_name(const std::string& name) {
  std::string out = std::isdigit(static_cast<unsigned char>(name[0])) ? "Plugin" : "";
  bool starts = true;
  for (const char c : name) {
    if (c != '-') out += starts ? static_cast<char>(std::toupper(static_cast<unsigned char>(c))) : c;
    starts = c == '-';
  }
  return out;
}

std::string filled(std::string text, const Values& values) {
  for (const auto& [key, value] : values) {
    for (size_t at = 0; (at = text.find(key, at)) != std::string::npos; at += value.size()) {
      text.replace(at, key.size(), value);
    }
  }
  return text;
}

Status write(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return file ? Status() : Status::internal(path.string() + ": " + std::strerror(errno));
}

std::string kinds() {
  std::string out;
  for (const auto& kind : template_kinds()) out += (out.empty() ? "" : ", ") + kind;
  return out;
}

Status write_project(const std::string& kind, const fs::path& dir, const Values& values) {
  for (size_t i = 0; i < kTemplateFileCount; ++i) {
    if (kTemplateFiles[i].kind != kind) continue;
    const fs::path path = dir / filled(kTemplateFiles[i].path, values);
    std::error_code failed;
    fs::create_directories(path.parent_path(), failed);
    if (auto status = write(path, filled(kTemplateFiles[i].text, values)); !status.ok()) return status;
  }
  return {};
}

}  // namespace

std::vector<std::string> template_kinds() {
  std::set<std::string> all;
  for (size_t i = 0; i < kTemplateFileCount; ++i) all.insert(kTemplateFiles[i].kind);
  return {all.begin(), all.end()};
}

Status plugin_new(const std::string& kind, const std::string& name, fs::path dir, std::ostream& out) {
  const auto* end = kTemplateFiles + kTemplateFileCount;
  if (std::none_of(kTemplateFiles, end, [&](const TemplateFile& file) { return file.kind == kind; })) {
    return Status::bad_request("no template for a plugin of kind \"" + kind + "\"; there is: " + kinds());
  }
  if (!is_label(name)) {
    return Status::invalid("\"" + name +
                           "\" is not a valid plugin name: it must be 1 to 63 of a-z, 0-9 and '-', "
                           "with a letter or digit at both ends (a DNS-1123 label)");
  }
  if (dir.empty()) dir = name;
  std::error_code failed;
  if (fs::exists(fs::symlink_status(dir, failed))) {
    return Status::already_exists(dir.string() + ": exists already; remove it, or choose another folder with --dir");
  }
  failed.clear();  // it said that nothing is there
  // Of two at once, the second finds the folder made.
  if (dir.has_parent_path()) fs::create_directories(dir.parent_path(), failed);
  if (failed || !fs::create_directory(dir, failed)) {
    return Status::internal(
        dir.string() + ": could not be created: " + (failed ? failed.message() : std::string("it exists already")));
  }
  std::string file = name;
  std::replace(file.begin(), file.end(), '-', '_');
  const std::string type = class_name(name);
  std::string lower = type;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  const Values values = {
      {"@NAME@", name}, {"@FILE@", file}, {"@CLASS@", type}, {"@LOWER@", lower}, {"@SDK_VERSION@", GANTRY_SDK_VERSION}};
  if (auto status = write_project(kind, dir, values); !status.ok()) {
    fs::remove_all(dir, failed);
    return status;
  }
  out << kind << "/" << name << " created in " << dir.string() << "; its README.md says how to build it\n";
  return {};
}

}  // namespace gantry::ctl
