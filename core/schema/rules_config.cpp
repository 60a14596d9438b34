// Owns the rules of the small kinds.
#include "core/schema/validation.hpp"
namespace gantry::schema {
void check_config(const Kind&, const JsonObject&, const JsonObject*, Errors&) {}
}  // namespace gantry::schema
