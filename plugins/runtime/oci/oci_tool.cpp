#include "oci_tool.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cstdlib>
#include <sstream>

#include "json.hpp"

namespace gantry::oci {

using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

constexpr auto kToolTimeout = 60s;

// The smallest container: a static program and nothing else, in namespaces of its own.
std::string trial_spec(const std::string& cgroup) {
  const json::object spec = {
      {"ociVersion", "1.0.2"},
      {"process",
       {{"terminal", false},
        {"user", {{"uid", 0}, {"gid", 0}}},
        {"args", json::array{"/pause", "--trial"}},
        {"env", json::array{}},
        {"cwd", "/"}}},
      {"root", {{"path", "rootfs"}, {"readonly", true}}},
      {"mounts", json::array{json::object{{"destination", "/proc"}, {"type", "proc"}, {"source", "proc"}}}},
      {"linux",
       {{"cgroupsPath", cgroup},
        {"resources", {{"memory", {{"limit", 64 << 20}}}}},
        {"namespaces",
         json::array{json::object{{"type", "pid"}}, json::object{{"type", "mount"}}, json::object{{"type", "network"}},
                     json::object{{"type", "ipc"}}, json::object{{"type", "uts"}}}}}}};
  return json::serialize(spec);
}

// msg="..." of a runtime's text log line.
std::string unquote(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size() && text[i] != '"'; i++) {
    if (text[i] == '\\' && i + 1 < text.size()) i++;
    out += text[i];
  }
  return out;
}

// One line of JSON from conmon, or nothing when it ends or says nothing in time.
std::string read_line(int fd, std::chrono::milliseconds timeout) {
  std::string line;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::array<char, 4096> chunk;
  while (line.find('\n') == std::string::npos) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{fd, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&wait, 1, static_cast<int>(left.count())) == 0) break;
    const auto n = ::read(fd, chunk.data(), chunk.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    line.append(chunk.data(), static_cast<size_t>(n));
  }
  return line;
}

}  // namespace

std::string OciTool::find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return ::access(name.c_str(), X_OK) == 0 ? name : "";
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  std::string folder;
  while (std::getline(folders, folder, ':')) {
    const auto candidate = folder + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return {};
}

std::string OciTool::message_of(const std::string& text) {
  std::string found;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    if (const auto entry = parse_json(line); entry && !text_in(*entry, "msg").empty()) {
      if (text_in(*entry, "level") == "error" || found.empty()) found = text_in(*entry, "msg");
    } else if (const auto at = line.find("msg=\""); at != std::string::npos) {
      if (line.find("level=error") != std::string::npos || found.empty())
        found = unquote(std::string_view(line).substr(at + 5));
    }
  }
  if (found.empty()) found = text;
  while (!found.empty() && (found.back() == '\n' || found.back() == ' ')) found.pop_back();
  return found;
}

std::vector<std::string> OciTool::command(const std::string& runtime, std::vector<std::string> rest) const {
  std::vector<std::string> all = {runtime, "--root", paths_.state.string()};
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

Expected<std::string> OciTool::choose(const std::vector<std::string>& candidates, const fs::path& pause,
                                      const fs::path& scratch, const std::string& cgroup) const {
  std::string said;
  for (const auto& candidate : candidates) {
    const auto program = find_program(candidate);
    if (program.empty()) {
      said += candidate + ": not found; ";
      continue;
    }
    const auto id = "trial-" + random_id().substr(0, 16);
    const auto bundle = scratch / id;
    std::error_code error;
    Status status = make_dirs(bundle / "rootfs" / "proc");
    if (status.ok() && !fs::copy_file(pause, bundle / "rootfs" / "pause", error))
      status = errno_status(pause.string(), error.value());
    if (status.ok()) status = write_file_atomic(bundle / "config.json", trial_spec(cgroup + "/" + id));
    auto ran =
        status.ok() ? run(command(program, {"run", "--bundle", bundle.string(), id}), 20s) : Expected<Ran>(status);
    if (!ran || ran->code != 0) static_cast<void>(run(command(program, {"delete", "--force", id}), 10s));
    static_cast<void>(remove_tree(bundle));
    if (ran && ran->code == 0) return program;
    said +=
        candidate + ": " + (ran ? message_of(ran->err.empty() ? ran->out : ran->err) : ran.error().message()) + "; ";
  }
  if (said.size() > 2) said.resize(said.size() - 2);
  return Status::unavailable("no OCI runtime works on this host: " + said);
}

Expected<std::string> OciTool::version(const std::string& runtime) {
  const auto ran = run({runtime, "--version"}, 10s);
  if (!ran) return ran.error();
  std::istringstream words(ran->out);
  std::string word;
  while (words >> word) {
    if (!word.empty() && word[0] >= '0' && word[0] <= '9') return word;
  }
  return Status::internal(runtime + " does not say its version");
}

Expected<OciTool::Created> OciTool::create(const Bundle& bundle) const {
  const auto pidfile = bundle.monitor / "pid", conmon_pidfile = bundle.monitor / "conmon.pid";
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) return errno_status("pipe");
  const Fd ours(ends[0]);
  Fd theirs(ends[1]);
  Spawn what;
  what.arguments = {paths_.conmon,
                    "--api-version",
                    "1",
                    "--cid",
                    bundle.id,
                    "--cuuid",
                    bundle.id,
                    "--name",
                    bundle.id,
                    "--runtime",
                    bundle.runtime,
                    "--bundle",
                    bundle.folder.string(),
                    "--persist-dir",
                    bundle.monitor.string(),
                    "--container-pidfile",
                    pidfile.string(),
                    "--conmon-pidfile",
                    conmon_pidfile.string(),
                    "--socket-dir-path",
                    paths_.sockets.string(),
                    "--full-attach",
                    "--log-level",
                    "warning",
                    "--runtime-arg",
                    "--root",
                    "--runtime-arg",
                    paths_.state.string()};
  const auto add = [&](const std::string& a) { what.arguments.push_back(a); };
  add("--log-path");
  add(bundle.log.empty() ? "off:" : "k8s-file:" + bundle.log);
  if (!bundle.log.empty() && paths_.log_size_max > 0) {
    add("--log-size-max");
    add(std::to_string(paths_.log_size_max));
  }
  if (bundle.tty) add("--terminal");
  if (bundle.stdin_open) add("--stdin");
  if (bundle.stdin_open && !bundle.stdin_once) add("--leave-stdin-open");
  what.environment = {"_OCI_SYNCPIPE=3"};
  what.descriptors = {{theirs.get(), 3}};
  what.directory = bundle.monitor.string();  // where conmon leaves its mark of an out-of-memory kill
  const auto pid = spawn(what);
  if (!pid) return pid.error();
  theirs.reset();
  const int code = wait_exit(*pid);  // conmon's first process, which leaves its child to run on
  const auto line = read_line(ours.get(), kToolTimeout);
  const auto answer = parse_json(line);
  const auto init = answer ? number_in(*answer, "pid") + number_in(*answer, "data") : -1;
  if (code != 0 || !answer || init <= 0) {
    auto why = answer ? message_of(text_in(*answer, "message")) : "";
    if (why.empty()) why = "conmon ended with code " + std::to_string(code) + " and no word";
    return Status::internal("OCI runtime create failed: " + why);
  }
  return Created{process_of(read_pid(conmon_pidfile)), process_of(static_cast<pid_t>(init))};
}

Status OciTool::start(const Bundle& bundle) const {
  const auto ran = run(command(bundle.runtime, {"start", bundle.id}), kToolTimeout);
  if (!ran) return ran.error();
  if (ran->code != 0) return Status::internal("OCI runtime start failed: " + message_of(ran->err));
  return {};
}

Status OciTool::remove(const std::string& runtime, const std::string& id) const {
  std::error_code error;
  if (!fs::exists(paths_.state / id, error)) return {};
  const auto ran = run(command(runtime, {"delete", "--force", id}), kToolTimeout);
  if (!ran) return ran.error();
  // A damaged state folder (power loss while it was written) can't be read by its runtime either: it is only ours to
  // remove.
  if (fs::exists(paths_.state / id, error)) return remove_tree(paths_.state / id);
  return {};
}

Status OciTool::update(const std::string& runtime, const std::string& id, const std::string& resources) const {
  const auto ran = run(command(runtime, {"update", "--resources", "-", id}), kToolTimeout, resources);
  if (!ran) return ran.error();
  if (ran->code != 0) return Status::internal("OCI runtime update failed: " + message_of(ran->err));
  return {};
}

bool OciTool::waits_for_start(const std::string& runtime, const std::string& id, const Process& init) const {
  std::error_code error;
  if (!fs::exists(paths_.state / id / "exec.fifo", error)) return false;
  // The fifo goes a moment after the start: until then runc's own process has its telling name.
  if (fs::path(runtime).filename() != "runc") return true;
  const auto name = read_file("/proc/" + std::to_string(init.pid) + "/comm");
  return name && name->starts_with("runc:[");
}

std::vector<std::string> OciTool::exec_arguments(const std::string& runtime, const std::string& id,
                                                 const fs::path& process, const fs::path& pidfile,
                                                 const fs::path& log) const {
  return command(runtime, {"--log", log.string(), "--log-format", "json", "exec", "--process", process.string(),
                           "--pid-file", pidfile.string(), id});
}

}  // namespace gantry::oci
