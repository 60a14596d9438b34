// gantry-plugin-host: runs one plugin for the daemon, which started it. Descriptor 3 is the control connection, 4 the
// main lane.
#include <cstdio>
#include <cstdlib>

#include "core/isolation/child/sandbox.hpp"
#include "core/isolation/child/server.hpp"

int main(int argc, char** argv) {
  using namespace gantry::isolation;
  if (argc != 2) {
    std::fputs("gantry-plugin-host runs a plugin for gantryd, which starts it: isolation = \"process\"\n", stderr);
    return 64;
  }
  if (!leave_daemon(static_cast<pid_t>(std::atoi(argv[1])))) return 70;
  Link link{Fd(3)};
  Tasks tasks;
  Server server(link, tasks);
  server.serve(Channel(Fd(4), size_t{0xffffffff}, true));
}
