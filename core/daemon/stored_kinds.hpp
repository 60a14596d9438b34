// Which resources have objects in the store, whether or not anybody serves them: keys are "/GROUP/PLURAL/...". Used by
// ControlPlane on the thread that changes plugins; reads memory alone.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/daemon/plugin_kinds.hpp"
#include "core/schema/schema.hpp"
#include "core/store/store.hpp"

namespace gantry::daemon {

// How many objects of a resource there are, and what the first one says it is.
PluginKinds::Objects stored_objects(const store::Store& store, const std::string& group, const std::string& plural);

// Resources with objects that the schema does not serve: nobody sees these until somebody does.
struct UnservedResource {
  std::string group, plural;
  int64_t count = 0;
};
std::vector<UnservedResource> unserved_resources(const store::Store& store, const schema::Schema& schema);

}  // namespace gantry::daemon
