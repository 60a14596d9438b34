// What the host itself makes of a watch's events, without asking the plugin: whether one counts, and whose it is. Pure,
// any thread.
#pragma once

#include <functional>
#include <string_view>

#include "core/controller/informer.hpp"
#include "gantry/abi.pb.h"

namespace gantry::controller {

// Whether one of the watch's interests is met.
bool counts(const gantry::abi::WatchSpec& spec, const Informer::Event& event);

using EmitKey = std::function<void(std::string_view ns, std::string_view name)>;
// The keys of an OWNER watch: the object's controller and the one that it had before, where they are of the kind that
// is meant; of an orphan those that may adopt it, among `owners` (null: nobody adopts). An owner_selector that ends
// with 0 leads to a map of labels, not to a metav1.LabelSelector.
void map_owners(const gantry::abi::WatchSpec& spec, const Informer::Event& event, const Informer* owners,
                const EmitKey& emit);

}  // namespace gantry::controller
