// Routes to other nodes' ranges, of both families, over libnl-route. Shared by overlay plugins. [worker]
//
// A plugin's routes are those of the main table with its protocol number; it changes no others. Ranges and addresses
// are canonical.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gantry/status.hpp"

struct nl_sock;

namespace gantry::netlink {

// An address or range as the kernel's tools write it; the text itself where it is neither.
std::string canonical(const std::string& text);

// In the network namespace of the thread that opened it. One thread at a time.
class Routes {
 public:
  static Expected<std::unique_ptr<Routes>> open(int protocol);
  ~Routes();
  Routes(const Routes&) = delete;
  Routes& operator=(const Routes&) = delete;

  // The plugin's routes whose ranges lie within one of `within` (all, where that is empty): range, and the address they
  // lead over.
  Expected<std::map<std::string, std::string>> list(const std::vector<std::string>& within);
  // Makes the route, or leads it another way. Conflict when somebody else's route is in its place.
  Status set(const std::string& range, const std::string& via);
  // Fine when there is none.
  Status remove(const std::string& range, const std::string& via);

 private:
  Routes(nl_sock* socket, int protocol) : socket_(socket), protocol_(protocol) {}
  nl_sock* socket_;
  const int protocol_;
};

}  // namespace gantry::netlink
