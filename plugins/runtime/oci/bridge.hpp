// Carries bytes between a terminal and two descriptors until the process at the terminal has ended and all it wrote has
// been passed on. On the loop; a slow reader is waited for by nobody.
#pragma once

#include <functional>
#include <string>

#include "files.hpp"
#include "loop.hpp"

namespace gantry::oci {

// A pair in raw mode: whoever runs at the other end sets up its own.
struct Terminal {
  Fd master;
  Fd slave;  // held, so that the master sees no hang-up before the process has opened it
  std::string name;
};
Expected<Terminal> open_terminal();

class Bridge {
 public:
  // `in` and `out` may be none. `done` runs once, on the loop, and may end the bridge.
  Bridge(Loop& loop, Terminal terminal, Fd in, Fd out, std::function<void()> done);
  ~Bridge();
  Bridge(const Bridge&) = delete;
  Bridge& operator=(const Bridge&) = delete;

  void start();
  void process_ended();
  // Carries no more; the terminal stays open, so that nobody at it is hung up on.
  void stop();

 private:
  // One end, and its place in the loop.
  struct End {
    Fd fd;
    uint64_t id = 0;
  };
  void on_terminal(uint32_t events);
  void on_in();
  void on_out();
  void close(End& end);
  void update();
  bool wants_output() const;

  Loop& loop_;
  End terminal_, in_, out_;
  Fd slave_;
  std::string to_terminal_, to_out_;  // on their way
  bool ended_ = false;                // the process
  bool drained_ = false;              // nothing more comes from the terminal
  std::function<void()> done_;
};

}  // namespace gantry::oci
