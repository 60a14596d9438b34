// gantryctl plugin verify: whether a file would load, as far as can be told without the daemon.
#pragma once

#include <filesystem>
#include <string>

#include "core/daemon/config.hpp"
#include "core/plugin/instance.hpp"

namespace gantry::ctl {

struct Verified {
  plugin::ImageInfo image;
  std::string note;  // what could not be checked, and why; empty: nothing
};

// What plugin::verify_image_apart() checks; of a plugin that brings kinds also these, with an instance that a process
// of its own makes, with the configuration's table for it and a data folder that is removed again. Forks: only for a
// process with one thread.
Expected<Verified> plugin_verify(const std::filesystem::path& file, const daemon::Config& config);

}  // namespace gantry::ctl
