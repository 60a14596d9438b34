// Writes the small files a pod's containers get from the node; the kubelet's layout and words in them.
#include "core/node/pod/pod_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "core/files/unique_fd.hpp"
#include "gantry/text.hpp"

namespace gantry::node {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxHostname = 63;
constexpr size_t kMaxTerminationMessage = 4096;
constexpr size_t kMaxNameservers = 3, kMaxSearches = 32;
constexpr std::string_view kClusterDomain = "cluster.local";

std::string short_hostname(const corev1::Pod& pod) {
  std::string name = pod.spec().hostname().empty() ? pod.metadata().name() : pod.spec().hostname();
  if (name.size() > kMaxHostname) {
    name.resize(kMaxHostname);
    name.erase(name.find_last_not_of("-.") + 1);
  }
  return name;
}

std::string domain(const corev1::Pod& pod) {
  if (pod.spec().subdomain().empty()) return {};
  return pod.spec().subdomain() + "." + pod.metadata().namespace_() + ".svc." + std::string(kClusterDomain);
}

// Whole or not at all: a container may start (or read) at any moment.
Status write_file(const fs::path& path, const std::string& text, mode_t mode) {
  const std::string temporary = path.string() + ".new";
  ::unlink(temporary.c_str());
  const io::UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  std::string_view rest = text;
  bool ok = fd.valid() && ::fchmod(fd.get(), mode) == 0;
  while (ok && !rest.empty()) {
    const ssize_t n = ::write(fd.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    ok = n > 0;
    if (ok) rest.remove_prefix(static_cast<size_t>(n));
  }
  if (ok && ::rename(temporary.c_str(), path.c_str()) == 0) return {};
  const int error = errno;
  ::unlink(temporary.c_str());
  return Status::internal("writing " + path.string() + ": " + std::strerror(error));
}

std::string read_text(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string aliases(const corev1::Pod& pod) {
  if (pod.spec().host_aliases().empty()) return {};
  std::string out = "\n# Entries added by HostAliases.\n";
  for (const auto& alias : pod.spec().host_aliases()) {
    out += alias.ip();
    for (const auto& name : alias.hostnames()) out += "\t" + name;
    out += "\n";
  }
  return out;
}

std::string managed_hosts(const corev1::Pod& pod, const std::vector<std::string>& pod_ips) {
  std::string out =
      "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
      "fe00::\tip6-localnet\nfe00::\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n";
  const auto host = short_hostname(pod);
  const auto where = domain(pod);
  for (const auto& ip : pod_ips) {
    out += ip + "\t" + (where.empty() ? host : host + "." + where + "\t" + host) + "\n";
  }
  return out;
}

void append_unique(std::vector<std::string>& to, const std::string& value) {
  if (std::find(to.begin(), to.end(), value) == to.end()) to.push_back(value);
}

DnsConfig parse_resolv_conf(std::istream& in) {
  DnsConfig config;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string word, value;
    words >> word;
    if (word == "nameserver" && words >> value) config.servers.push_back(value);
    if (word == "search" || word == "domain") config.searches.clear();
    if (word == "options" || word == "search" || word == "domain") {
      while (words >> value) append_unique(word == "options" ? config.options : config.searches, value);
    }
  }
  return config;
}

void merge(DnsConfig& config, const corev1::PodDNSConfig& more) {
  for (const auto& server : more.nameservers()) append_unique(config.servers, server);
  for (const auto& search : more.searches()) append_unique(config.searches, search);
  for (const auto& option : more.options()) {
    // An option of the pod replaces the host's of the same name.
    std::erase_if(config.options,
                  [&](const std::string& old) { return old.substr(0, old.find(':')) == option.name(); });
    config.options.push_back(option.has_value() && !option.value().empty() ? option.name() + ":" + option.value()
                                                                           : option.name());
  }
}

}  // namespace

std::string pod_hostname(const corev1::Pod& pod) {
  if (pod.spec().has_hostname_override()) return pod.spec().hostname_override();
  const auto where = domain(pod);
  const auto host = short_hostname(pod);
  return pod.spec().set_hostname_as_fqdn() && !where.empty() ? host + "." + where : host;
}

Expected<DnsConfig> dns_config(const corev1::Pod& pod, const fs::path& resolv_conf) {
  DnsConfig config;
  if (pod.spec().dns_policy() != "None" && !resolv_conf.empty()) {
    std::ifstream in(resolv_conf);
    if (!in && errno != ENOENT) return Status::internal("open " + resolv_conf.string() + ": " + std::strerror(errno));
    if (in) config = parse_resolv_conf(in);
  }
  merge(config, pod.spec().dns_config());
  // What C libraries read at most; more would only be ignored silently.
  if (config.servers.size() > kMaxNameservers) config.servers.resize(kMaxNameservers);
  if (config.searches.size() > kMaxSearches) config.searches.resize(kMaxSearches);
  return config;
}

Expected<std::string> write_hosts_file(const corev1::Pod& pod, const std::vector<std::string>& pod_ips,
                                       const fs::path& pod_dir) {
  const fs::path path = pod_dir / "etc-hosts";
  std::string text = pod.spec().host_network()
                         ? "# Kubernetes-managed hosts file (host network).\n" + read_text("/etc/hosts")
                         : managed_hosts(pod, pod_ips);
  text += aliases(pod);
  std::error_code error;
  fs::create_directories(pod_dir, error);
  // The same file goes on being the same inode: containers have it mounted.
  if (fs::exists(path, error) && read_text(path) == text) return path.string();
  if (auto written = write_file(path, text, 0644); !written.ok()) return written;
  return path.string();
}

Expected<std::string> make_termination_log(const fs::path& pod_dir, const std::string& container,
                                           const std::string& container_instance) {
  const fs::path dir = pod_dir / "containers" / container;
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return Status::internal("making " + dir.string() + ": " + error.message());
  const fs::path path = dir / container_instance;
  const io::UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  // Any user of the container may write it, whatever the daemon's umask.
  if (!fd.valid() || ::fchmod(fd.get(), 0666) != 0) {
    return Status::internal("making " + path.string() + ": " + std::strerror(errno));
  }
  return path.string();
}

std::string read_termination_log(const std::string& path) {
  const io::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat info {};
  if (!fd.valid() || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  const off_t from = std::max<off_t>(0, info.st_size - static_cast<off_t>(kMaxTerminationMessage));
  std::string text(kMaxTerminationMessage, '\0');
  size_t have = 0;
  while (have < text.size()) {
    const ssize_t n = ::pread(fd.get(), text.data() + have, text.size() - have, from + static_cast<off_t>(have));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    have += static_cast<size_t>(n);
  }
  text.resize(have);
  return as_text(text);
}

}  // namespace gantry::node
