// Inside of validation: the parts that rules.cpp puts together. `old` is null on create; parts of an object that an
// update leaves alone are not judged again. Pure functions, any thread.
#pragma once

#include "core/schema/field_errors.hpp"

namespace gantry::schema {

// Metadata of a served object, and of a pod template (which has no name).
void check_metadata(const Kind& kind, const JsonObject& metadata, const JsonObject* old, Errors& errors);
void check_labels(const JsonObject& labels, const At& at, Errors& errors);
void check_annotations(const JsonObject& annotations, const At& at, Errors& errors);
// spec.selector and its like; `at` is the selector.
void check_label_selector(const JsonObject& selector, const At& at, Errors& errors);

// What the tree itself says about one field of `object` (required, enum, range, format, unique keys), and below it.
void check_field(const Field& field, const JsonObject& object, const At& at, Errors& errors);
void check_fields(const Message& message, const JsonObject& object, const At& at, Errors& errors);
// A field that may not change, or has such fields below it.
void check_immutable(const Field& field, const JsonObject& object, const JsonObject& old, const At& at, Errors& errors);

// What the tree cannot say. The document is the object, `old` the object before.
void check_pod(const JsonObject& pod, const JsonObject* old, Errors& errors);
void check_pod_template(const JsonObject& pod_template, const At& at, Errors& errors);
void check_deployment(const JsonObject& deployment, const JsonObject* old, Errors& errors);
void check_replica_set(const JsonObject& replica_set, const JsonObject* old, Errors& errors);
void check_config(const Kind& kind, const JsonObject& object, const JsonObject* old, Errors& errors);

}  // namespace gantry::schema
