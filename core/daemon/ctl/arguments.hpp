// gantryctl's command line. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::ctl {

enum class Command : uint8_t {
  kHelp,
  kVersion,
  kStatus,
  kKubeconfig,
  kCompletion,
  kImageImport,
  kImageList,
  kImageRemove,
  kPluginList,
  kPluginShow,
  kPluginReload,
  kPluginEnable,
  kPluginDisable,
  kPluginVerify,
  kPluginNew,
  kClockShow,
  kClockAdvance,
};

enum class Format : uint8_t { kTable, kWide, kJson, kName };

struct Arguments {
  Command command = Command::kHelp;
  std::string config;  // empty: where gantryd looks, too
  Format format = Format::kTable;
  bool raw = false;
  std::string dir;                    // of "plugin new"; empty: the plugin's name
  std::vector<std::string> operands;  // what the command is about
  std::string topic;                  // of kHelp: "image", "plugin list", or empty
};

// `words` without the program's name. An error's message is one line, without the program's name.
Expected<Arguments> parse_arguments(const std::vector<std::string>& words);

// The help of a command ("plugin list"), a group ("plugin"), or of all.
std::string help_text(std::string_view topic);

}  // namespace gantry::ctl
