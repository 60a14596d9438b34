#include "core/plugin/verify.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/plugin/library.hpp"

namespace gantry::plugin {

namespace fs = std::filesystem;

Expected<ImageInfo> verify_image(const fs::path& path, const TrustOptions& trust) {
  std::string folder = (fs::temp_directory_path() / "gantry-verify-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return Status::internal(folder + ": " + std::strerror(errno));
  const std::shared_ptr<void> removed(nullptr, [&](void*) {
    std::error_code ignored;
    fs::remove_all(folder, ignored);
  });
  ImageInfo image;
  image.path = path.string();
  const auto copy = fs::path(folder) / path.filename();
  auto library = LoadedLibrary::open(path, copy, trust);
  if (!library) return std::move(library).error();
  if (auto digest = sha256_of(copy)) image.sha256 = *digest;
  if (auto status = read_descriptor((*library)->api(), path.stem().string(), image); !status.ok()) {
    return Status(status).in(path.string());
  }
  return image;
}

}  // namespace gantry::plugin
