#include "core/plugin/library.hpp"

#include <openssl/evp.h>

#include <array>
#include <fstream>
#include <system_error>

#include <boost/dll/shared_library.hpp>

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

class BoostLibrary final : public LoadedLibrary {
 public:
  BoostLibrary(boost::dll::shared_library library, fs::path copy)
      : library_(std::move(library)), copy_(std::move(copy)) {}
  ~BoostLibrary() override {
    library_.unload();
    std::error_code ignored;
    fs::remove(copy_, ignored);
  }
  const gantry_plugin_api& api() const override {
    return library_.get<const gantry_plugin_api>(GANTRY_PLUGIN_SYMBOL);
  }
  const fs::path& copy() const override { return copy_; }

 private:
  boost::dll::shared_library library_;
  fs::path copy_;
};

Status open_copy(const fs::path& path, const fs::path& copy, const std::string& sha256) {
  std::error_code error;
  fs::create_directories(copy.parent_path(), error);
  fs::copy_file(path, copy, fs::copy_options::overwrite_existing, error);
  if (error) return Status::internal("copying " + path.string() + " to " + copy.string() + ": " + error.message());
  if (sha256.empty()) return {};
  const auto found = sha256_of(copy);
  if (!found) return Status(found.error());
  if (*found != sha256) {
    return Status::forbidden(path.string() + " has SHA-256 " + *found + ", the configuration pins " + sha256 +
                             "; install the pinned file or correct the plugin's sha256");
  }
  return {};
}

}  // namespace

Expected<std::string> sha256_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::not_found(path.string() + ": cannot be read");
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  std::array<char, 65'536> block;
  while (file.read(block.data(), block.size()) || file.gcount() > 0) {
    EVP_DigestUpdate(digest.get(), block.data(), static_cast<size_t>(file.gcount()));
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned int size = 0;
  EVP_DigestFinal_ex(digest.get(), bytes.data(), &size);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (unsigned int i = 0; i < size; ++i) {
    text += kHex[bytes[i] >> 4];
    text += kHex[bytes[i] & 15];
  }
  return text;
}

Expected<std::unique_ptr<LoadedLibrary>> LoadedLibrary::open(const fs::path& path, const fs::path& copy,
                                                             const std::string& sha256) {
  std::error_code ignored;
  if (auto status = open_copy(path, copy, sha256); !status.ok()) {
    fs::remove(copy, ignored);
    return status;
  }
  boost::system::error_code error;
  boost::dll::shared_library library;
  library.load(copy.string(), error, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  if (error) {
    fs::remove(copy, ignored);
    return Status::invalid(path.string() + " is not a loadable shared object: " + error.message());
  }
  if (!library.has(GANTRY_PLUGIN_SYMBOL)) {
    library.unload();
    fs::remove(copy, ignored);
    return Status::invalid(path.string() + " has no symbol \"" GANTRY_PLUGIN_SYMBOL
                           "\": it is not a Gantry plugin (GANTRY_PLUGIN exports it)");
  }
  return std::unique_ptr<LoadedLibrary>(std::make_unique<BoostLibrary>(std::move(library), copy));
}

}  // namespace gantry::plugin
