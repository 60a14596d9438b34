// Names of images, as container tools read them. No state; any thread.
#pragma once

#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::oci {

struct Reference {
  std::string repository;  // "docker.io/library/busybox"
  std::string tag;         // "latest" when neither tag nor digest is given
  std::string digest;      // "sha256:..." (or sha384, sha512) or empty
  std::string text() const;
};

// By the grammar of github.com/distribution/reference. Adds the defaults: docker.io, library/, :latest.
Expected<Reference> parse_reference(std::string_view text);

// A name of others for a message: between quotes, at most 256 bytes of it, without control characters.
std::string in_quotes(std::string_view text);

}  // namespace gantry::oci
