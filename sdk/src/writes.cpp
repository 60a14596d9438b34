#include "gantry/writes.hpp"

#include "gantry/json_text.hpp"

namespace gantry::sdk {

std::string finalizers_patch(const metav1::ObjectMeta& meta, const std::vector<std::string>& finalizers) {
  std::string list;
  for (const auto& name : finalizers) list.append(list.empty() ? "" : ",").append(json_string(name));
  return "{\"metadata\":{\"finalizers\":[" + list + "],\"resourceVersion\":" + json_string(meta.resource_version()) +
         ",\"uid\":" + json_string(meta.uid()) + "}}";
}

}  // namespace gantry::sdk
