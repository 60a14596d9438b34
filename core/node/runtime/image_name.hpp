// Whether a text can be the name of an image: the grammar of distribution's reference, with Docker's defaults for what
// is left out. Pure function, any thread.
#pragma once

#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::node {

// Ok, or why not, in upstream's words ("invalid reference format").
Status check_image_name(std::string_view name);

}  // namespace gantry::node
