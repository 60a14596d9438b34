// Carries bytes between a terminal and two descriptors until the process at the terminal has ended. One thread.
#pragma once

#include "files.hpp"

namespace gantry::oci {

struct Bridge {
  Fd terminal, in, out;  // in and out may be none
  int process = -1;      // pidfd
  int cancelled = -1;    // eventfd: stop at once
};

// Returns when the process ended and all it wrote has been passed on, or when cancelled. A slow reader is waited for.
void run_bridge(Bridge& bridge);

// A new pair in raw mode: whoever runs at the other end sets up its own.
struct Terminal {
  Fd master;
  std::string name;
};
Expected<Terminal> open_terminal();

}  // namespace gantry::oci
