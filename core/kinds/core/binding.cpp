// Bindings: not stored; creating one binds the pod that it names, by the older address. Pure functions, any thread.
#include "core/kinds/kind.hpp"

namespace gantry::kinds::core_binding {
namespace {

constexpr schema::WrittenThrough kPods{.group = "", .version = "v1", .plural = "pods", .subresource = "binding"};

}  // namespace

constinit const Behavior behavior{.group = "", .kind = "Binding", .written_through = &kPods};

}  // namespace gantry::kinds::core_binding
