// gantryctl plugin new: writes a project that builds a plugin. Needs no daemon.
#pragma once

#include <cstddef>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::ctl {

// One file of sdk/templates, embedded when this program was built. @NAME@, @FILE@, @CLASS@, @LOWER@ and
// @SDK_VERSION@ are placeholders, in the path too.
struct TemplateFile {
  const char* kind;
  const char* path;
  const char* text;
};
extern const TemplateFile kTemplateFiles[];
extern const size_t kTemplateFileCount;

// The kinds of plugins that there are templates for, sorted.
std::vector<std::string> template_kinds();

// Writes the project of a plugin into `dir`, which must not exist; empty: the folder `name`, here. Leaves nothing
// behind when it fails.
Status plugin_new(const std::string& kind, const std::string& name, std::filesystem::path dir, std::ostream& out);

}  // namespace gantry::ctl
