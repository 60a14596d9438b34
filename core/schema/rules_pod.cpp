// Owns the rules of pods.
#include "core/schema/validation.hpp"
namespace gantry::schema {
void check_pod(const JsonObject&, const JsonObject*, Errors&) {}
void check_pod_template(const JsonObject&, const At&, Errors&) {}
}  // namespace gantry::schema
