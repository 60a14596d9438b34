#include "tests/e2e/cluster.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace gantry::e2e {
namespace {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Folders below `root` whose path ends with a component of this name, deepest first.
void cgroups_named(const std::string& name, std::vector<fs::path>& found) {
  std::error_code error;
  for (const char* base : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
    if (fs::is_directory(fs::path(base) / name, error)) found.push_back(fs::path(base) / name);
  }
  for (fs::directory_iterator it("/sys/fs/cgroup", error), end; !error && it != end; it.increment(error)) {
    if (it->is_symlink(error)) continue;
    if (fs::is_directory(it->path() / name, error)) found.push_back(it->path() / name);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
}

void kill_all_in(const fs::path& cgroup) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(cgroup, error), end; !error && it != end; it.increment(error)) {
    if (it->path().filename() != "cgroup.procs") continue;
    for (const auto& pid : lines_of(read_file(it->path()))) ::kill(std::stoi(pid), SIGKILL);
  }
}

void remove_cgroup(const fs::path& root) {
  std::error_code error;
  std::vector<fs::path> all{root};
  for (fs::recursive_directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    if (it->is_directory(error)) all.push_back(it->path());
  }
  std::sort(all.rbegin(), all.rend());
  for (const auto& dir : all) ::rmdir(dir.c_str());
}

std::vector<std::string> mounts_below(const std::string& dir) {
  std::vector<std::string> found;
  for (const auto& line : lines_of(read_file("/proc/self/mountinfo"))) {
    std::istringstream words(line);
    std::string word;
    for (int i = 0; i < 5; ++i) words >> word;
    if (word.rfind(dir + "/", 0) == 0) found.push_back(word);
  }
  return found;
}

std::vector<pid_t> processes_naming(const std::string& text) {
  std::vector<pid_t> found;
  std::error_code error;
  for (fs::directory_iterator it("/proc", error), end; !error && it != end; it.increment(error)) {
    const auto name = it->path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto command = read_file(it->path() / "cmdline");
    if (command.find("conmon") != std::string::npos && command.find(text) != std::string::npos) {
      found.push_back(std::stoi(name));
    }
  }
  return found;
}

uint32_t fnv1a(const std::string& text) {
  uint32_t hash = 2'166'136'261U;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16'777'619U;
  return hash;
}

}  // namespace

Cluster::Cluster() {
  char pattern[] = "/tmp/gantry-e2e-XXXXXX";
  dir_ = ::mkdtemp(pattern);
  port_ = free_port();
  // Each cluster of a machine its own /20, inside 10.128.0.0/9 which nothing else here uses.
  const int range = static_cast<int>(fnv1a(dir_.string()) % 2048);
  std::ofstream file(config());
  file << "[daemon]\ndata_dir = \"" << (dir_ / "data").string() << "\"\nrun_dir = \"" << (dir_ / "run").string()
       << "\"\n[api]\nlisten = [\"127.0.0.1:" << port_ << "\"]\nkubeconfig = \"" << kubeconfig().string()
       << "\"\n[log]\nlevel = \"debug\"\n[node]\nname = \"node-1\"\n[network]\npod_cidr = \"10." << 128 + range / 16
       << "." << range % 16 * 16 << ".0/20\"\n";
}

Cluster::~Cluster() {
  if (::testing::Test::HasFailure()) {
    const auto lines = lines_of(daemon_log());
    const size_t from = lines.size() > 150 ? lines.size() - 150 : 0;
    for (size_t i = from; i < lines.size(); ++i) std::printf("gantryd| %s\n", lines[i].c_str());
  }
  if (daemon_) stop();
  remove_everything();
}

void Cluster::start_daemon() {
  daemon_ = std::make_unique<Background>(
      std::vector<std::string>{GANTRY_BIN_DIR "/gantryd", "--config", config().string()}, (dir_ / "log").string());
}

bool Cluster::wait_ready(std::chrono::seconds limit) {
  return eventually(
             [this] {
               const auto status = ctl({"status", "-o", "json"});
               return status.code == 0 && status.out.find("\"ready\":true") != std::string::npos;
             },
             limit) &&
         kubectl({"wait", "--for=condition=Ready", "node/node-1", "--timeout=60s"}, {}, std::chrono::seconds(70))
                 .code == 0;
}

void Cluster::start() {
  start_daemon();
  ASSERT_TRUE(wait_ready()) << "the cluster is not ready\n" << daemon_log();
}

void Cluster::stop() {
  if (!daemon_) return;
  daemon_->signal(SIGTERM);
  EXPECT_EQ(daemon_->wait(std::chrono::seconds(30)), 0) << "gantryd did not stop cleanly on SIGTERM";
  daemon_.reset();
}

void Cluster::kill_daemon() {
  daemon_->signal(SIGKILL);
  daemon_->wait(std::chrono::seconds(30));
  daemon_.reset();
}

int Cluster::wait_for_end() {
  const int code = daemon_->wait(std::chrono::seconds(30));
  daemon_.reset();
  return code;
}

Output Cluster::kubectl(std::vector<std::string> arguments, const std::string& input,
                        std::chrono::seconds limit) const {
  const char* binary = std::getenv("GANTRY_KUBECTL");
  std::vector<std::string> command{binary != nullptr ? binary : "kubectl", "--kubeconfig", kubeconfig().string(),
                                   "--cache-dir", (dir_ / "kubectl-cache").string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command, limit, input);
}

std::string Cluster::must(std::vector<std::string> arguments, const std::string& input,
                          std::chrono::seconds limit) const {
  std::string line = "kubectl";
  for (const auto& word : arguments) line += " " + word;
  auto output = kubectl(std::move(arguments), input, limit);
  EXPECT_EQ(output.code, 0) << line << "\n" << output.out << output.err;
  return output.out;
}

Output Cluster::ctl(std::vector<std::string> arguments) const {
  std::vector<std::string> command{GANTRY_BIN_DIR "/gantryctl", "--config", config().string()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command);
}

std::string Cluster::jsonpath(const std::vector<std::string>& object, const std::string& path) const {
  std::vector<std::string> arguments{"get"};
  arguments.insert(arguments.end(), object.begin(), object.end());
  arguments.insert(arguments.end(), {"-o", "jsonpath=" + path});
  return must(std::move(arguments));
}

void Cluster::wait_value(const std::vector<std::string>& object, const std::string& path,
                         const std::string& value) const {
  std::vector<std::string> arguments{"get"};
  arguments.insert(arguments.end(), object.begin(), object.end());
  arguments.insert(arguments.end(), {"-o", "jsonpath=" + path});
  Output last;
  const bool reached = eventually([&] {
    last = kubectl(arguments);
    return last.code == 0 && last.out == value;
  });
  EXPECT_TRUE(reached) << path << " is \"" << last.out << "\", not \"" << value << "\" " << last.err;
}

void Cluster::apply(const std::string& manifest) const { must({"apply", "-f", "-"}, manifest); }

fs::path Cluster::own_plugins(const std::string& keys) const {
  auto folder = dir_ / "plugins";
  fs::create_directories(folder);
  for (const auto& file : fs::directory_iterator(GANTRY_BIN_DIR "/../lib/gantry/plugins")) {
    if (file.path().extension() == ".so") fs::copy_file(file.path(), folder / file.path().filename());
  }
  std::ofstream(config(), std::ios::app) << "[plugins]\ndirs = [\"" << folder.string() << "\"]\n" << keys << "\n";
  return folder;
}

void Cluster::import_image() {
  const auto archive = dir_ / "busybox.tar";
  const auto made = run({GANTRY_SOURCE_DIR "/scripts/make-image", kImage, archive.string()});
  ASSERT_EQ(made.code, 0) << made.out << made.err;
  const auto imported = ctl({"image", "import", archive.string()});
  ASSERT_EQ(imported.code, 0) << imported.out << imported.err;
  fs::remove(archive);
}

std::string Cluster::daemon_log() const { return read_file(dir_ / "log"); }

std::string Cluster::cgroup_name() const {
  char text[9];
  std::snprintf(text, sizeof text, "%08x", fnv1a((dir_ / "data").string()));
  return "gantry-" + std::string(text, 6);
}

namespace {

pid_t parent_of(pid_t pid) {
  const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  const auto name_end = stat.rfind(')');  // then " S 123 "
  return name_end == std::string::npos ? 0 : std::atoi(stat.c_str() + std::min(name_end + 4, stat.size()));
}

// The first process first: numbers wrap around, so that a child's may be less.
void put_first(std::vector<pid_t>& pids) {
  const auto first = std::find_if(pids.begin(), pids.end(), [&](pid_t pid) {
    return std::find(pids.begin(), pids.end(), parent_of(pid)) == pids.end();
  });
  if (first != pids.end()) std::rotate(pids.begin(), first, first + 1);
}

}  // namespace

std::map<std::string, std::vector<pid_t>> Cluster::container_pids() const {
  std::map<std::string, std::vector<pid_t>> found;
  std::vector<fs::path> roots;
  cgroups_named(cgroup_name(), roots);
  for (const auto& root : roots) {
    // One controller is enough: memory, or the only hierarchy.
    if (roots.size() > 1 && root.parent_path().filename() != "memory") continue;
    std::error_code error;
    for (fs::recursive_directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
      if (it->path().filename() != "cgroup.procs") continue;
      for (const auto& pid : lines_of(read_file(it->path()))) {
        found[it->path().parent_path().string()].push_back(std::stoi(pid));
      }
    }
  }
  for (auto& [cgroup, pids] : found) put_first(pids);
  return found;
}

std::vector<std::string> Cluster::leftovers() const {
  std::vector<std::string> found;
  for (const pid_t pid : processes_naming(dir_.string())) found.push_back("conmon process " + std::to_string(pid));
  for (const auto& mount : mounts_below(dir_.string())) found.push_back("mount " + mount);
  std::vector<fs::path> roots;
  cgroups_named(cgroup_name(), roots);
  for (const auto& root : roots) {
    std::error_code error;
    for (fs::recursive_directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
      // QoS classes are the daemon's; pods are not to remain.
      if (it->is_directory(error) && it->path().filename().string().find("pod") != std::string::npos &&
          it->path().filename().string().find("kubepods") == std::string::npos) {
        found.push_back("cgroup " + it->path().string());
      }
    }
  }
  const std::string bridge = "gt-" + cgroup_name().substr(7);
  const auto links = run({"ip", "-o", "link", "show", "master", bridge});
  for (const auto& line : lines_of(links.out)) found.push_back("veth " + line.substr(0, 60));
  return found;
}

void Cluster::remove_everything() {
  for (const pid_t pid : processes_naming(dir_.string())) ::kill(pid, SIGKILL);
  std::vector<fs::path> roots;
  cgroups_named(cgroup_name(), roots);
  for (const auto& root : roots) kill_all_in(root);
  eventually(
      [&] {
        auto mounts = mounts_below(dir_.string());
        std::sort(mounts.rbegin(), mounts.rend());
        for (const auto& mount : mounts) ::umount2(mount.c_str(), MNT_DETACH);
        return mounts.empty();
      },
      std::chrono::seconds(10));
  eventually(
      [&] {
        for (const auto& root : roots) remove_cgroup(root);
        return std::none_of(roots.begin(), roots.end(), [](const auto& root) { return fs::exists(root); });
      },
      std::chrono::seconds(10));
  const std::string suffix = cgroup_name().substr(7);
  run({"ip", "link", "del", "gt-" + suffix});
  run({"nft", "delete", "table", "ip", "gantry_" + suffix});
  std::error_code ignored;
  fs::remove_all(dir_, ignored);
}

}  // namespace gantry::e2e
