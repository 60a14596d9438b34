// gantryctl: talks to the gantryd of this machine.
#include <csignal>
#include <exception>
#include <iostream>

#include "core/daemon/ctl/commands.hpp"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return gantry::ctl::run({argv + 1, argv + argc}, std::cin, std::cout, std::cerr);
  } catch (const std::exception& error) {
    std::cerr << "gantryctl: " << error.what() << "\n";
    return 1;
  }
}
