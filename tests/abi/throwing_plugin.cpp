// A plugin whose class throws as it is made, for fixtures_test: GANTRY_PLUGIN must turn that into an answer.
#include <memory>
#include <stdexcept>
#include <string_view>

#include "gantry/plugin.hpp"

namespace {

class Throwing {
 public:
  Throwing() {
#ifdef FLAVOUR_throws_int
    throw 42;
#else
    throw std::runtime_error("no table could be reserved");
#endif
  }
  static gantry::Expected<std::unique_ptr<Throwing>> create(gantry::sdk::Host) { return std::make_unique<Throwing>(); }
  const void* get_interface(std::string_view) { return nullptr; }
};

}  // namespace

GANTRY_PLUGIN(Throwing, PLUGIN_NAME, "1.0.0", "tests", "Throws as it is made", "gantry.controller/1");
