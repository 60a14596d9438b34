// The parts of validation that rules.cpp and the kinds put together. `old` is null on create; parts of an object that
// an update leaves alone are not judged again. Pure functions, any thread.
#pragma once

#include "core/schema/rules/field_errors.hpp"

namespace gantry::schema {

// Metadata of a served object, and of a pod template (which has no name).
void check_metadata(const Kind& kind, const JsonObject& metadata, const JsonObject* old, Errors& errors);
void check_labels(const JsonObject& labels, const At& at, Errors& errors);
void check_annotations(const JsonObject& annotations, const At& at, Errors& errors);

// What the tree itself says about one field of `object` (required, enum, range, format, unique keys), and below it.
void check_field(const Field& field, const JsonObject& object, const At& at, Errors& errors);
void check_fields(const Message& message, const JsonObject& object, const At& at, Errors& errors);
// A field that may not change, or has such fields below it.
void check_immutable(const Field& field, const JsonObject& object, const JsonObject& old, const At& at, Errors& errors);

}  // namespace gantry::schema
