#include "core/plugin/library.hpp"

#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <system_error>

#include "core/files/errno_status.hpp"
#include "core/plugin/elf_check.hpp"

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
  const gantry_plugin_api& api() const override { return library_.get<const gantry_plugin_api>(GANTRY_PLUGIN_SYMBOL); }
  const fs::path& copy() const override { return copy_; }

 private:
  boost::dll::shared_library library_;
  fs::path copy_;
};

Status make_copy(const fs::path& path, const fs::path& copy) {
  std::error_code error;
  fs::create_directories(copy.parent_path(), error);
  fs::copy_file(path, copy, fs::copy_options::overwrite_existing, error);
  if (error) return files::status_of_errno("copying " + path.string() + " to " + copy.string(), error.value());
  return {};
}

// What the dynamic loader said last on this thread, without the name of the copy, which tells nobody anything.
std::string loader_message(const fs::path& copy) {
  const char* said = ::dlerror();
  std::string text = said == nullptr ? "" : said;
  const auto prefix = copy.string() + ": ";
  for (size_t at; (at = text.find(prefix)) != std::string::npos;) text.erase(at, prefix.size());
  return text;
}

}  // namespace

Status copy_trusted(const fs::path& path, const fs::path& copy, const TrustOptions& trust) {
  if (trust.check_owner) {
    if (auto status = check_owner(path); !status.ok()) return status;
  }
  auto status = make_copy(path, copy);
  if (status.ok()) status = check_image(path, copy, trust);
  if (status.ok()) {
    if (auto elf = check_elf(copy); elf.code() != 422) {
      status = std::move(elf);
    } else {
      status = Status::invalid(path.string() + " is not a loadable shared object: " + elf.message());
    }
  }
  if (!status.ok()) {
    std::error_code ignored;
    fs::remove(copy, ignored);
  }
  return status;
}

Expected<std::unique_ptr<LoadedLibrary>> LoadedLibrary::open(const fs::path& path, const fs::path& copy,
                                                             const TrustOptions& trust) {
  if (auto status = copy_trusted(path, copy, trust); !status.ok()) return status;
  return open_copy(path, copy);
}

Expected<std::unique_ptr<LoadedLibrary>> LoadedLibrary::open_copy(const fs::path& path, const fs::path& copy) {
  std::error_code ignored;
  boost::system::error_code error;
  boost::dll::shared_library library;
  library.load(copy.string(), error, boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local);
  if (error) {
    auto why = loader_message(copy);
    fs::remove(copy, ignored);
    return Status::invalid(path.string() +
                           " is not a loadable shared object: " + (why.empty() ? error.message() : why));
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
