#include "spec.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "gantry/text.hpp"
#include "json.hpp"
#include "seccomp.hpp"
#include "spec_mounts.hpp"

namespace gantry::oci {

namespace json = boost::json;

namespace {

json::array texts(const std::vector<std::string>& all) { return json::array(all.begin(), all.end()); }
template <typename Repeated>
json::array repeated(const Repeated& all) {
  json::array out;
  for (const auto& one : all) out.emplace_back(one);
  return out;
}

const cri::LinuxContainerSecurityContext& security(const SpecInput& in) {
  return in.config->linux().security_context();
}

// What containers of Docker, containerd and CRI-O have when nothing is said.
const std::set<std::string>& default_capabilities() {
  static const std::set<std::string> names = {
      "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
      "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
      "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
      "CAP_KILL",    "CAP_AUDIT_WRITE"};
  return names;
}

std::string capability(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::toupper(c); });
  return name.starts_with("CAP_") ? name : "CAP_" + name;
}

json::object capabilities(const SpecInput& in) {
  const auto& context = security(in);
  const auto& wanted = context.capabilities();
  std::set<std::string> set = default_capabilities(), ambient;
  const std::set<std::string> every(capability_names().begin(), capability_names().end());
  const auto names_all = [](const auto& list) {
    return std::ranges::any_of(list, [](const std::string& name) { return capability(name) == "CAP_ALL"; });
  };
  if (context.privileged() || names_all(wanted.add_capabilities())) set = every;
  if (!context.privileged()) {
    if (names_all(wanted.drop_capabilities())) set.clear();
    for (const auto& name : wanted.add_capabilities()) {
      if (every.contains(capability(name))) set.insert(capability(name));
    }
    for (const auto& name : wanted.drop_capabilities()) set.erase(capability(name));
    for (const auto& name : wanted.add_ambient_capabilities()) {
      if (every.contains(capability(name))) ambient.insert(capability(name));
    }
    set.insert(ambient.begin(), ambient.end());
  }
  // What the daemon itself lacks can't be given; asking for it would only make the start fail.
  std::erase_if(set, [&](const std::string& name) { return !in.host->has(name); });
  std::erase_if(ambient, [&](const std::string& name) { return !in.host->has(name); });
  const std::vector<std::string> list(set.begin(), set.end());
  json::object out = {{"bounding", texts(list)}, {"effective", texts(list)}, {"permitted", texts(list)}};
  if (!ambient.empty()) {
    const std::vector<std::string> names(ambient.begin(), ambient.end());
    out["inheritable"] = texts(names);
    out["ambient"] = texts(names);
  }
  return out;
}

std::vector<std::string> environment(const SpecInput& in) {
  std::vector<std::string> out;
  const auto set = [&](const std::string& key, const std::string& value) {
    std::erase_if(out, [&](const std::string& line) { return line.starts_with(key + "="); });
    out.push_back(key + "=" + value);
  };
  out.emplace_back("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  if (!in.sandbox->config.hostname().empty()) set("HOSTNAME", in.sandbox->config.hostname());
  if (in.config->tty()) set("TERM", "xterm");
  for (const auto& line : in.image->environment) {
    const auto equals = line.find('=');
    if (equals != std::string::npos) set(line.substr(0, equals), line.substr(equals + 1));
  }
  for (const auto& pair : in.config->envs()) set(pair.key(), pair.value());
  return out;
}

std::vector<std::string> text_environment(const SpecInput& in) {
  auto out = environment(in);
  std::erase_if(out, [](const std::string& line) { return !is_utf8(line); });
  return out;
}

Expected<json::object> process(const SpecInput& in) {
  auto args = command_line(*in.config, *in.image);
  if (!args) return args.error();
  if (!in.env_file.empty()) args->insert(args->begin(), {kWithEnv, kEnvFile});
  auto cwd = in.config->working_dir().empty() ? in.image->working_dir : in.config->working_dir();
  if (cwd.empty()) cwd = "/";
  if (cwd[0] != '/') cwd = "/" + cwd;
  json::array groups(in.user.groups.begin(), in.user.groups.end());
  json::object out = {
      {"terminal", in.config->tty()},
      {"user", {{"uid", in.user.uid}, {"gid", in.user.gid}, {"additionalGids", std::move(groups)}}},
      {"args", texts(*args)},
      {"env", texts(text_environment(in))},
      {"cwd", cwd},
      {"capabilities", capabilities(in)},
      {"noNewPrivileges", security(in).no_new_privs()},
      {"oomScoreAdj", in.host->oom_score(in.config->linux().resources().oom_score_adj())},
  };
  if (security(in).apparmor().profile_type() == cri::SecurityProfile::Localhost) {
    auto name = security(in).apparmor().localhost_ref();
    if (name.starts_with("localhost/")) name.erase(0, 10);
    out["apparmorProfile"] = name;
  }
  return out;
}

struct Devices {
  json::array nodes, rules;
};

bool add_device(Devices& out, const fs::path& host, const std::string& at, const std::string& access) {
  struct stat info {};
  if (::stat(host.c_str(), &info) < 0 || (!S_ISCHR(info.st_mode) && !S_ISBLK(info.st_mode))) return false;
  const std::string type = S_ISCHR(info.st_mode) ? "c" : "b";
  out.nodes.push_back(json::object{{"path", at},
                                   {"type", type},
                                   {"major", static_cast<int64_t>(major(info.st_rdev))},
                                   {"minor", static_cast<int64_t>(minor(info.st_rdev))},
                                   {"fileMode", info.st_mode & 0777},
                                   {"uid", info.st_uid},
                                   {"gid", info.st_gid}});
  out.rules.push_back(json::object{{"allow", true},
                                   {"type", type},
                                   {"major", static_cast<int64_t>(major(info.st_rdev))},
                                   {"minor", static_cast<int64_t>(minor(info.st_rdev))},
                                   {"access", access}});
  return true;
}

// Every device of the host but those each container has for itself.
void add_host_devices(Devices& out, const fs::path& folder) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const auto path = entry.path();
    std::error_code ignored;
    if (entry.is_symlink(ignored)) continue;
    if (entry.is_directory(ignored)) {
      static const std::set<std::string> own = {"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/fd", "/dev/.lxc"};
      if (!own.contains(path.string())) add_host_devices(out, path);
    } else if (path != "/dev/console") {
      add_device(out, path, path.string(), "rwm");
    }
  }
}

Expected<Devices> devices(const SpecInput& in) {
  Devices out;
  if (security(in).privileged()) {
    add_host_devices(out, "/dev");
    out.rules = {json::object{{"allow", true}, {"access", "rwm"}}};
    return out;
  }
  out.rules.push_back(json::object{{"allow", false}, {"access", "rwm"}});
  for (const auto& device : in.config->devices()) {
    const auto access = device.permissions().empty() ? "rwm" : device.permissions();
    if (!add_device(out, device.host_path(), device.container_path(), access)) {
      return Status::bad_request("\"" + device.host_path() + "\" is no device");
    }
  }
  return out;
}

json::array namespaces(const SpecInput& in) {
  const auto& options = security(in).namespace_options();
  const auto pause = "/proc/" + std::to_string(in.sandbox->pause.pid) + "/ns/";
  json::array out = {json::object{{"type", "mount"}}};
  const auto join = [&](const char* type, const std::string& path) {
    out.push_back(json::object{{"type", type}, {"path", path}});
  };
  if (!in.sandbox->netns.empty()) {
    join("network", in.sandbox->netns);
    join("uts", pause + "uts");
  }
  if (options.ipc() == cri::POD) join("ipc", pause + "ipc");
  if (options.ipc() == cri::CONTAINER) out.push_back(json::object{{"type", "ipc"}});
  switch (options.pid()) {
    case cri::POD:
      join("pid", pause + "pid");
      break;
    case cri::TARGET:
      join("pid", "/proc/" + std::to_string(in.target_pid) + "/ns/pid");
      break;
    case cri::CONTAINER:
      out.push_back(json::object{{"type", "pid"}});
      break;
    default:
      break;
  }
  if (in.cgroups->unified() && !security(in).privileged()) out.push_back(json::object{{"type", "cgroup"}});
  return out;
}

const std::vector<std::string>& default_masked() {
  static const std::vector<std::string> paths = {
      "/proc/asound",      "/proc/acpi",          "/proc/interrupts", "/proc/kcore",
      "/proc/keys",        "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
      "/proc/sched_debug", "/proc/scsi",          "/sys/firmware",    "/sys/devices/virtual/powercap"};
  return paths;
}
const std::vector<std::string>& default_readonly() {
  static const std::vector<std::string> paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                                 "/proc/sysrq-trigger"};
  return paths;
}

json::object resources(const cri::LinuxContainerResources& r, const Cgroups& cgroups) {
  json::object out, memory, cpu;
  if (r.memory_limit_in_bytes() > 0) {
    memory["limit"] = r.memory_limit_in_bytes();
    // Without a word about swap there is none beyond the limit, where the host accounts for it at all.
    if (cgroups.has_swap_accounting()) {
      memory["swap"] = r.memory_swap_limit_in_bytes() > 0 ? r.memory_swap_limit_in_bytes() : r.memory_limit_in_bytes();
    }
  }
  if (r.cpu_shares() > 0) cpu["shares"] = r.cpu_shares();
  if (r.cpu_quota() != 0) cpu["quota"] = r.cpu_quota();
  if (r.cpu_period() > 0) cpu["period"] = r.cpu_period();
  if (!r.cpuset_cpus().empty()) cpu["cpus"] = r.cpuset_cpus();
  if (!r.cpuset_mems().empty()) cpu["mems"] = r.cpuset_mems();
  if (!memory.empty()) out["memory"] = std::move(memory);
  if (!cpu.empty()) out["cpu"] = std::move(cpu);
  json::array huge;
  for (const auto& limit : r.hugepage_limits())
    huge.push_back(json::object{{"pageSize", limit.page_size()}, {"limit", limit.limit()}});
  if (!huge.empty()) out["hugepageLimits"] = std::move(huge);
  if (cgroups.unified() && !r.unified().empty()) {
    json::object unified;
    for (const auto& [key, value] : r.unified()) unified[key] = value;
    out["unified"] = std::move(unified);
  }
  return out;
}

Expected<json::object> linux_part(const SpecInput& in) {
  auto device_list = devices(in);
  if (!device_list) return device_list.error();
  auto limits = resources(in.config->linux().resources(), *in.cgroups);
  limits["devices"] = std::move(device_list->rules);
  if (in.pids_limit > 0) limits["pids"] = json::object{{"limit", in.pids_limit}};
  json::object out = {{"cgroupsPath", in.cgroup},
                      {"namespaces", namespaces(in)},
                      {"resources", std::move(limits)},
                      {"devices", std::move(device_list->nodes)}};
  if (!security(in).privileged()) {
    const auto& masked = security(in).masked_paths();
    const auto& readonly = security(in).readonly_paths();
    // A request with a security context says itself what is masked; none is what procMount Unmasked means.
    const bool said = in.config->linux().has_security_context();
    out["maskedPaths"] = said ? repeated(masked) : texts(default_masked());
    out["readonlyPaths"] = said ? repeated(readonly) : texts(default_readonly());
    auto filter = seccomp_filter(security(in));
    if (!filter) return filter.error();
    if (!filter->is_null()) out["seccomp"] = std::move(*filter);
  }
  for (const auto& one : in.config->mounts()) {
    if (one.propagation() == cri::PROPAGATION_BIDIRECTIONAL) out["rootfsPropagation"] = "rshared";
  }
  return out;
}

}  // namespace

Expected<std::vector<std::string>> command_line(const cri::ContainerConfig& config, const ImageConfig& image) {
  std::vector<std::string> out(config.command().begin(), config.command().end());
  if (config.command().empty()) out = image.entrypoint;
  if (!config.args().empty()) {
    out.insert(out.end(), config.args().begin(), config.args().end());
  } else if (config.command().empty()) {
    out.insert(out.end(), image.command.begin(), image.command.end());
  }
  if (out.empty()) return Status::bad_request("no command specified");
  return out;
}

std::string byte_environment(const SpecInput& in) {
  std::string out;
  for (const auto& line : environment(in)) {
    if (!is_utf8(line)) out.append(line).push_back('\0');
  }
  return out;
}

std::string make_resources(const cri::LinuxContainerResources& wanted, const Cgroups& cgroups) {
  return json::serialize(resources(wanted, cgroups));
}

Expected<std::string> with_resources(const std::string& spec, const cri::LinuxContainerResources& wanted,
                                     const Cgroups& cgroups) {
  auto document = parse_json(spec);
  if (!document) return document.error();
  auto& limits = document->as_object()["linux"].as_object()["resources"].as_object();
  for (auto& [key, value] : resources(wanted, cgroups)) limits[key] = value;
  return json::serialize(*document);
}

Expected<std::string> make_spec(const SpecInput& in) {
  auto process_part = process(in);
  if (!process_part) return process_part.error();
  auto mount_part = spec_mounts(in);
  if (!mount_part) return mount_part.error();
  auto rest = linux_part(in);
  if (!rest) return rest.error();
  const json::object spec = {{"ociVersion", "1.0.2"},
                             {"process", std::move(*process_part)},
                             {"root", {{"path", in.rootfs.string()}, {"readonly", security(in).readonly_rootfs()}}},
                             {"mounts", std::move(*mount_part)},
                             {"linux", std::move(*rest)}};
  return json::serialize(spec);
}

Expected<std::string> make_exec_process(const std::string& spec, const std::vector<std::string>& command, bool tty) {
  const auto document = parse_json(spec);
  if (!document) return document.error();
  const auto* own = member(*document, "process").if_object();
  if (own == nullptr) return Status::internal("the container's configuration has no process");
  json::object out = *own;
  auto args = texts(command);
  const auto own_args = texts_in(member(*document, "process"), "args");
  if (!own_args.empty() && own_args.front() == kWithEnv) args.insert(args.begin(), {kWithEnv, kEnvFile});
  out["args"] = std::move(args);
  out["terminal"] = tty;
  if (tty && !flag_in(*own, "terminal")) {
    auto& env = out["env"].as_array();
    const bool has_term =
        std::ranges::any_of(env, [](const json::value& v) { return v.as_string().starts_with("TERM="); });
    if (!has_term) env.emplace_back("TERM=xterm");
  }
  return json::serialize(out);
}

}  // namespace gantry::oci
