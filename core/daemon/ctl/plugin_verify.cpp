#include "core/daemon/ctl/plugin_verify.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>

#include "core/daemon/plugin_kinds.hpp"
#include "core/files/errno_status.hpp"
#include "core/isolation/isolated_library.hpp"
#include "core/kinds/kinds.hpp"
#include "core/plugin/plugin_host.hpp"
#include "core/plugin/verify.hpp"
#include "gantry/abi/draft/kinds.h"

namespace gantry::ctl {
namespace {

namespace fs = std::filesystem;

// Whether it came to that at all: a create() that misses the daemon says nothing about the kinds.
class AsksKinds : public plugin::PluginUser {
 public:
  explicit AsksKinds(plugin::PluginHost& host) : host_(host) { host_.add_user(this); }
  ~AsksKinds() override { host_.remove_user(this); }
  Status prepare(plugin::Plugin&, plugin::Instance&) override {
    asked = true;
    return {};
  }
  bool asked = false;

 private:
  plugin::PluginHost& host_;
};

Status check_kinds(const fs::path& file, const daemon::Config& config, const fs::path& folder, std::string& note) {
  auto schema = schema::Registry::create(kinds::all());
  if (!schema) return std::move(schema).error();
  const plugin::SystemClock clock;
  plugin::Timers timers(clock);
  plugin::WorkerPool tasks("plugin-tasks", 1);
  plugin::PluginHostOptions options;
  options.clock = &clock;
  options.timers = &timers;
  options.tasks = &tasks;
  options.log = [](std::string_view, int32_t, std::string_view) {};
  options.run_dir = folder / "run";
  options.data_dir = folder / "data";
  options.facts = {{"node_name", "verify"}, {"libexec_dir", daemon::libexec_dir().string()}, {"instance", "verify"}};
  options.open_isolated = [](const plugin::PluginSettings& settings, const fs::path& copy,
                             std::function<void(const std::string&)> on_exit) {
    isolation::IsolationOptions process;
    process.name = settings.name;
    process.copy = copy;
    process.host = daemon::libexec_dir() / "gantry-plugin-host";
    process.on_exit = std::move(on_exit);
    return isolation::open_isolated(std::move(process));
  };
  plugin::PluginHost host(std::move(options));
  AsksKinds first(host);
  const daemon::PluginKinds kinds(
      host, **schema, [] {}, nullptr);
  plugin::PluginSettings settings;
  settings.name = file.stem().string();
  settings.path = file;
  if (const auto known = config.plugins.find(settings.name); known != config.plugins.end()) {
    settings.config = known->second.table;
  }
  settings.isolation.process = true;
  const auto loaded = host.load(settings);
  if (loaded) return {};
  if (first.asked) return loaded.error();
  note = "its kinds could not be checked: " + loaded.error().message();
  return {};
}

}  // namespace

Expected<Verified> plugin_verify(const fs::path& file, const daemon::Config& config) {
  plugin::TrustOptions trust;
  trust.public_key = config.require_signature ? config.plugins_public_key : fs::path();
  auto image = plugin::verify_image_apart(file, trust);
  if (!image) return std::move(image).error();
  Verified verified{std::move(*image), {}};
  const auto& ids = verified.image.interfaces;
  if (std::find(ids.begin(), ids.end(), GANTRY_KINDS_ID) == ids.end()) return verified;
  std::string folder = (fs::temp_directory_path() / "gantry-verify-XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) return files::status_of_errno(folder, errno);
  auto good = check_kinds(file, config, folder, verified.note);
  std::error_code ignored;
  fs::remove_all(folder, ignored);
  if (!good.ok()) return std::move(good).in(file.string());
  return verified;
}

}  // namespace gantry::ctl
