// The trial of an image that this daemon has not seen before, or not with this configuration (PluginHost): a process of
// its own loads it and makes an instance. A static constructor or a create() that throws, calls exit, crashes or never
// returns ends that process, and not the daemon. Whatever else is wrong with the image, the load proper says.
#include "core/plugin/plugin_host.hpp"

namespace gantry::plugin {
namespace {

namespace fs = std::filesystem;

// Told by a thread of the process's library, read when that library is gone.
struct Ended {
  std::mutex mutex;
  std::string cause;
};

}  // namespace

Status PluginHost::try_image(Plugin& plugin, const PluginSettings& settings, const fs::path& copy,
                             const std::string& sha256) {
  const auto key = TriedImages::key(sha256, settings.config_text);
  if (!options_.open_isolated || !options_.try_images || tried_.contains(key)) return {};
  // The bytes that will be loaded, whatever becomes of the file meanwhile; the process's library removes its name.
  const auto trial = fs::path(copy.string() + ".trial");
  std::error_code error;
  fs::create_hard_link(copy, trial, error);
  if (error) return Status::internal(trial.string() + ": " + error.message());
  const auto ended = std::make_shared<Ended>();
  auto apart = settings;
  apart.isolation = {};
  apart.isolation.process = true;
  {
    auto library = options_.open_isolated(apart, trial, [ended](const std::string& cause) {
      const std::lock_guard lock(ended->mutex);
      ended->cause = cause;
    });
    ImageInfo image;
    image.number = copies_;
    if (library) static_cast<void>(Instance::create(plugin, {nullptr, std::move(*library)}, settings.config, image));
  }
  const std::lock_guard lock(ended->mutex);
  if (!ended->cause.empty()) {
    return Status::invalid(settings.path.string() + " ended the process that tried it first: " + ended->cause);
  }
  tried_.add(key);
  return {};
}

}  // namespace gantry::plugin
