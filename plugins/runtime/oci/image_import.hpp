// From an archive of images to images of the store. [worker], one import at a time.
#pragma once

#include "image_store.hpp"

namespace gantry::oci {

Expected<std::vector<ImageStore::Imported>> import_images(ImageStore& store, int archive, const std::string& name);

}  // namespace gantry::oci
