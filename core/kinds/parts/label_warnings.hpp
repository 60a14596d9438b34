// What is told of names that nodes no longer have, and of names of objects that pods are named after. Pure, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

// Upstream's sentence about a label of nodes; empty: there is none.
std::string_view node_label_deprecation(std::string_view label);
// The requirements of a term, or of a label selector, at `at`: `matchExpressions[0].key: LABEL is deprecated ...`; with
// `values` also values that no label can have.
void warn_node_expressions(const JsonObject& term, const At& at, Warnings& warnings, bool values = false);
// Labels by name, at `at` + `key`: spec.nodeSelector[LABEL].
void warn_node_labels(const JsonObject& object, std::string_view key, const At& at, Warnings& warnings);
// An object whose pods' names begin with its own, which should be a DNS label.
void warn_name(const JsonObject& object, Warnings& warnings,
               std::string_view where = "this is used in Pod names and hostnames");

}  // namespace gantry::kinds
