// pods/binding: puts a pod on a node in one write, as schedulers ask for it once for every pod. Pure, any thread.
#pragma once

#include "core/kinds/kind.hpp"

namespace gantry::kinds {

extern const schema::SubresourceWrite kPodBinding;

}  // namespace gantry::kinds
