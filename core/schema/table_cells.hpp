// The cell functions that printer columns name ("@pod-status"), inside the table room only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/schema/schema.hpp"

namespace gantry::schema::cells {

// What a pod's row says, worked out once for all its cells.
struct PodSummary {
  std::string ready, status, restarts;
};

struct Row {
  const Json& document;
  int64_t now_ns = 0;
  std::optional<PodSummary> pod;  // filled by the first cell that needs it
};

// Appends the cell as JSON text.
using Cell = void (*)(Row& row, std::string& out);
// The function of a name without its "@"; null when there is none.
Cell find_cell(std::string_view name);

PodSummary summarize_pod(const Json& pod, int64_t now_ns);

// Helpers over documents. `path` is dotted: "status.phase".
const Json* at(const Json& value, std::string_view path);
std::string_view text_at(const Json& value, std::string_view path);
int64_t number_at(const Json& value, std::string_view path);
// "5m" since the RFC 3339 time at `path`; "<unknown>" when there is none.
std::string since(const Json& value, std::string_view path, int64_t now_ns);
// "a=b,c=d", sorted; "<none>" when empty.
std::string format_labels(const Json* labels);

}  // namespace gantry::schema::cells
