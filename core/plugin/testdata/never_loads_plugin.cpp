// Its static constructor waits for ever.
#include <unistd.h>

namespace {
struct Early {
  Early() {
    for (;;) ::pause();
  }
} early;
}  // namespace
