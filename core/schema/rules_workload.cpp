// Owns the rules of workloads.
#include "core/schema/validation.hpp"
namespace gantry::schema {
void check_deployment(const JsonObject&, const JsonObject*, Errors&) {}
void check_replica_set(const JsonObject&, const JsonObject*, Errors&) {}
}  // namespace gantry::schema
