// Brings one kind, in the shape that its configuration says by number.
#include "core/schema/tree/extension_testing.hpp"
#include "gantry/abi/draft/kinds.h"
#include "gantry/plugin.hpp"

namespace {

namespace shapes = gantry::schema::testing;

std::string set_of(int64_t shape) {
  shapes::Widgets widgets;
  switch (shape) {
    case 1:  // the same, and a new field
      widgets.spec.push_back(shapes::field("weight", 4, shapes::kInt32Type));
      return widgets.set();
    case 2:
      widgets.plural = "gadgets";
      return widgets.set();
    case 3:
      widgets.group = "other.example.com";
      return widgets.set();
    case 4:  // cluster-wide
      widgets.more += shapes::number_field(5, 0);
      return widgets.set();
    case 5:  // a built-in one's place
      widgets.group = "";
      widgets.plural = "configmaps";
      return widgets.set();
    case 6:
      return {};
    case 7:  // in memory alone
      widgets.more += shapes::bytes_field(17, shapes::number_field(1, 60));
      return widgets.set();
    default:
      return widgets.set();
  }
}

class Shaper {
 public:
  static gantry::Expected<std::unique_ptr<Shaper>> create(gantry::sdk::Host host) {
    auto made = std::make_unique<Shaper>();
    auto shape = host.config_int("shape", 0);
    if (!shape) return std::move(shape).error();
    made->set_ = set_of(*shape);
    return made;
  }
  const void* get_interface(std::string_view) {
    static constexpr gantry_kinds table = {
        sizeof(gantry_kinds), [](void* self) { return gantry::to_slice(static_cast<Shaper*>(self)->set_); }};
    return &table;
  }

 private:
  std::string set_;
};

}  // namespace

GANTRY_PLUGIN(Shaper, "shaper", "1.0.0", "tests", "Brings a kind", GANTRY_KINDS_ID);
