#include "core/daemon/ctl/commands.hpp"

#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

#include "core/daemon/config.hpp"
#include "core/daemon/ctl/admin_client.hpp"
#include "core/daemon/ctl/arguments.hpp"
#include "core/daemon/ctl/completion.hpp"
#include "core/daemon/ctl/plugin_new.hpp"
#include "core/daemon/ctl/plugin_verify.hpp"
#include "core/daemon/ctl/render.hpp"
#include "core/files/unique_fd.hpp"

namespace gantry::ctl {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

// A file in the daemon's run directory that holds what came through a pipe; gone at the end of the scope.
class SpoolFile {
 public:
  static Expected<std::unique_ptr<SpoolFile>> fill(const fs::path& dir, std::istream& in) {
    std::string path = (dir / "import-XXXXXX").string();
    const io::UniqueFd fd(::mkstemp(path.data()));
    if (fd.get() < 0) return failure(path);
    auto file = std::make_unique<SpoolFile>(path);
    std::vector<char> buffer(1 << 16);
    while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())), in.gcount() > 0) {
      for (std::streamsize written = 0; written < in.gcount();) {
        const auto count = ::write(fd.get(), buffer.data() + written, static_cast<size_t>(in.gcount() - written));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failure(path);
        written += count;
      }
    }
    if (in.bad()) return Status::internal("standard input: it could not be read to its end");
    return file;
  }
  explicit SpoolFile(std::string path) : path_(std::move(path)) {}
  ~SpoolFile() { ::unlink(path_.c_str()); }
  SpoolFile(const SpoolFile&) = delete;
  SpoolFile& operator=(const SpoolFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  static Status failure(const std::string& path) { return Status::internal(path + ": " + std::strerror(errno)); }
  std::string path_;
};

class Program {
 public:
  Program(const Arguments& arguments, daemon::Config config, std::istream& in, std::ostream& out)
      : arguments_(arguments), config_(std::move(config)), in_(in), out_(out) {}

  Status run() {
    switch (arguments_.command) {
      case Command::kKubeconfig:
        return kubeconfig();
      case Command::kStatus:
        return show("/gantry/v1/status", &Program::print_status);
      case Command::kImageList:
        return show("/gantry/v1/images", &Program::print_images);
      case Command::kPluginList:
        return show("/gantry/v1/plugins", &Program::print_plugins);
      case Command::kPluginShow:
        return plugin_show();
      case Command::kPluginReload:
        return plugin_reload();
      case Command::kPluginEnable:
        return plugin_switch("/gantry/v1/plugins:enable", "enabled");
      case Command::kPluginDisable:
        return plugin_switch("/gantry/v1/plugins:disable", "disabled");
      case Command::kPluginVerify:
        return plugin_verify();
      case Command::kClockShow:
        return show("/gantry/v1/clock", &Program::print_clock);
      case Command::kClockAdvance:
        return clock_advance();
      case Command::kImageImport:
        return image_import();
      case Command::kImageRemove:
        return image_remove();
      default:
        return Status::internal("no such command");
    }
  }

 private:
  Status kubeconfig() {
    if (!arguments_.raw) {
      out_ << config_.kubeconfig.string() << "\n";
      return {};
    }
    std::ifstream file(config_.kubeconfig, std::ios::binary);
    if (!file) {
      return Status::not_found(config_.kubeconfig.string() + ": " + std::strerror(errno) +
                               "; gantryd writes it when it starts");
    }
    out_ << file.rdbuf();
    return {};
  }

  using Print = void (Program::*)(const json::value&);
  Status show(const std::string& path, Print print) {
    auto answer = get(path);
    if (!answer) return std::move(answer).error();
    if (arguments_.format == Format::kJson) {
      out_ << json::serialize(*answer) << "\n";
    } else {
      (this->*print)(*answer);
    }
    return {};
  }
  void print_status(const json::value& answer) { out_ << render_status(answer); }
  void print_images(const json::value& answer) { out_ << render_images(answer, arguments_.format); }
  void print_plugins(const json::value& answer) { out_ << render_plugins(answer, arguments_.format); }

  void print_clock(const json::value& answer) { out_ << render_clock(answer); }

  // The daemon answers at least once a second with how far it is.
  Status clock_advance() {
    const auto& operand = arguments_.operands.front();
    json::object wanted{{operand.find('-') == std::string::npos ? "by" : "to", operand}};
    for (;;) {
      auto answer = post("/gantry/v1/clock:advance", wanted);
      if (!answer) return std::move(answer).error();
      const auto& state = answer->as_object();
      if (!state.at("done").as_bool()) {
        wanted = json::object{{"to", state.at("to")}};
        continue;
      }
      out_ << (arguments_.format == Format::kJson ? json::serialize(*answer) + "\n" : render_clock(*answer));
      return {};
    }
  }

  Status plugin_show() {
    const auto& name = arguments_.operands.front();
    auto answer = get("/gantry/v1/plugins");
    if (!answer) return std::move(answer).error();
    const auto* plugin = find_plugin(*answer, name);
    if (plugin == nullptr) return Status::not_found("plugin \"" + name + "\" not found");
    out_ << (arguments_.format == Format::kJson ? json::serialize(*plugin) + "\n" : render_plugin(*plugin));
    return {};
  }

  Status plugin_reload() {
    const auto& name = arguments_.operands.front();
    auto answer = post("/gantry/v1/plugins:reload", {{"name", name}});
    if (!answer) return std::move(answer).error();
    out_ << "plugin/" << name << " reloaded" << render_reload(*answer) << "\n";
    return {};
  }
  Status plugin_switch(const std::string& path, std::string_view done) {
    const auto& name = arguments_.operands.front();
    auto answer = post(path, {{"name", name}});
    if (!answer) return std::move(answer).error();
    out_ << "plugin/" << name << " " << done << "\n";
    return {};
  }
  Status plugin_verify() {
    const fs::path file = arguments_.operands.front();
    const auto verified = ctl::plugin_verify(file, config_);
    if (!verified) return verified.error();
    out_ << file.string() << ": ok\n" << render_image(verified->image);
    if (!verified->note.empty()) out_ << "Note: " << verified->note << "\n";
    return {};
  }

  Status image_import() {
    const auto& operand = arguments_.operands.front();
    std::unique_ptr<SpoolFile> spool;
    std::string path;
    if (operand == "-") {
      auto filled = SpoolFile::fill(config_.run_dir, in_);
      if (!filled) return std::move(filled).error();
      spool = std::move(*filled);
      path = spool->path();
    } else {
      std::error_code failed;
      path = fs::absolute(operand, failed).string();
      const bool is_file = fs::is_regular_file(path, failed);
      if (!is_file) return Status::not_found(operand + ": " + (failed ? failed.message() : "is not a regular file"));
    }
    auto answer = post("/gantry/v1/images:import", {{"path", path}});
    if (!answer) return std::move(answer).error();
    report_imported(*answer);
    return {};
  }
  void report_imported(const json::value& answer) {
    bool named = false;
    for (const char* key : {"names", "ids"}) {
      const auto* list = answer.is_object() ? answer.get_object().if_contains(key) : nullptr;
      if (named || list == nullptr || !list->is_array()) continue;
      for (const auto& name : list->get_array()) {
        if (!name.is_string()) continue;
        out_ << std::string_view(name.get_string()) << " imported\n";
        named = true;
      }
    }
    if (!named) out_ << "imported\n";
  }

  Status image_remove() {
    for (const auto& name : arguments_.operands) {
      auto answer = post("/gantry/v1/images:remove", {{"name", name}});
      if (!answer) return std::move(answer).error();
      out_ << name << " removed\n";
    }
    return {};
  }

  Expected<json::value> get(const std::string& path) {
    auto client = connect();
    return client ? client->get(path) : std::move(client).error();
  }
  Expected<json::value> post(const std::string& path, const json::value& body) {
    auto client = connect();
    return client ? client->post(path, body) : std::move(client).error();
  }
  Expected<AdminClient> connect() const { return AdminClient::create(config_.admin_socket(), patience()); }
  // How long the daemon may take. Unpacking an image of some GB on a slow disk takes minutes, and a plugin's change
  // waits for calls under way.
  std::chrono::minutes patience() const {
    switch (arguments_.command) {
      case Command::kImageImport:
      case Command::kImageRemove:
        return std::chrono::minutes(15);
      case Command::kPluginReload:
      case Command::kPluginEnable:
      case Command::kPluginDisable:
      case Command::kClockAdvance:
        return std::chrono::minutes(2);
      default:
        return std::chrono::minutes(1);
    }
  }

  const Arguments& arguments_;
  const daemon::Config config_;
  std::istream& in_;
  std::ostream& out_;
};

// What needs neither configuration nor daemon; -1 for the rest.
int run_alone(const Arguments& arguments, std::ostream& out, std::ostream& err) {
  switch (arguments.command) {
    case Command::kHelp:
      out << help_text(arguments.topic);
      return 0;
    case Command::kVersion:
      out << "gantryctl " GANTRY_VERSION "\n";
      return 0;
    case Command::kCompletion: {
      const auto script = completion_script(arguments.operands.front());
      if (script.empty()) {
        err << "gantryctl: no completion for " << arguments.operands.front() << ": use bash or zsh\n";
        return 2;
      }
      out << script;
      return 0;
    }
    case Command::kPluginNew: {
      const auto done = plugin_new(arguments.operands[0], arguments.operands[1], arguments.dir, out);
      if (!done.ok()) err << "gantryctl: " << done.message() << "\n";
      return done.ok() ? 0 : 1;
    }
    default:
      return -1;
  }
}

int run_command(const std::vector<std::string>& words, std::istream& in, std::ostream& out, std::ostream& err) {
  const auto arguments = parse_arguments(words);
  if (!arguments) {
    err << "gantryctl: " << arguments.error().message() << "\nTry 'gantryctl --help'.\n";
    return 2;
  }
  if (const int code = run_alone(*arguments, out, err); code >= 0) return code;
  auto config = daemon::load_config(arguments->config);
  if (!config) {
    err << config.error().message() << "\n";
    return 1;
  }
  const auto done = Program(*arguments, std::move(*config), in, out).run();
  if (!done.ok()) {
    err << "gantryctl: " << done.message() << "\n";
    return 1;
  }
  return 0;
}

}  // namespace

int run(const std::vector<std::string>& words, std::istream& in, std::ostream& out, std::ostream& err) {
  const int code = run_command(words, in, out, err);
  if (out.flush()) return code;
  err << "gantryctl: the output could not be written\n";
  return code == 0 ? 1 : code;
}

}  // namespace gantry::ctl
