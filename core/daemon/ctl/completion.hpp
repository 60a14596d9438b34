// Completion scripts for shells.
#pragma once

#include <string>

namespace gantry::ctl {

// "bash" or "zsh"; empty for any other shell.
std::string completion_script(const std::string& shell);

}  // namespace gantry::ctl
