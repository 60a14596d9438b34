// Whether a plugin's file may be loaded at all: who could have written it, what it must be, who signed it. No code of
// it runs.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::plugin {

struct TrustOptions {
  std::string sha256;                // lower-case hex the file must have; empty: any
  std::filesystem::path public_key;  // PEM; when set, FILE.sig must be this key's signature of the file
  bool check_owner = true;
};

// The file, its folder and all on the way to them (core/files/way.hpp) belong to root or to this process's user, and
// nobody else can write them.
Status check_owner(const std::filesystem::path& path);
// `image` is the private copy of `path`, so that nobody exchanges it between the check and the load. An Ed25519 key
// signs the bytes; an RSA or EC key their SHA-256 digest, as "openssl dgst -sha256 -sign" does.
Status check_image(const std::filesystem::path& path, const std::filesystem::path& image, const TrustOptions& options);

// In lower-case hexadecimal digits.
Expected<std::string> sha256_of(const std::filesystem::path& path);
std::string sha256_of_text(std::string_view text);

}  // namespace gantry::plugin
