#include "spec_mounts.hpp"

#include <algorithm>

namespace gantry::oci {

namespace json = boost::json;

namespace {

json::object mount(const std::string& type, const std::string& source, const std::string& at,
                   const std::vector<std::string>& options) {
  return {{"destination", at},
          {"type", type},
          {"source", source},
          {"options", json::array(options.begin(), options.end())}};
}
json::object bind_mount(const fs::path& source, const std::string& at, const std::vector<std::string>& options) {
  std::vector<std::string> all = {"rbind"};
  all.insert(all.end(), options.begin(), options.end());
  return mount("bind", source.string(), at, all);
}

// A mount of the host: symlinks are followed there, and a missing path becomes a folder.
Expected<json::object> host_mount(const cri::Mount& wanted) {
  std::error_code error;
  if (!fs::exists(wanted.host_path(), error)) {
    if (auto status = make_dirs(wanted.host_path(), 0755); !status.ok()) return status;
  }
  const auto source = fs::canonical(wanted.host_path(), error);
  if (error) return errno_status("mount " + wanted.host_path(), error.value());
  std::vector<std::string> options;
  switch (wanted.propagation()) {
    case cri::PROPAGATION_BIDIRECTIONAL:
      options.emplace_back("rshared");
      break;
    case cri::PROPAGATION_HOST_TO_CONTAINER:
      options.emplace_back("rslave");
      break;
    default:
      options.emplace_back("rprivate");
  }
  if (wanted.recursive_read_only()) options.emplace_back("rro");
  options.emplace_back(wanted.readonly() ? "ro" : "rw");
  return bind_mount(source, wanted.container_path(), options);
}

}  // namespace

Expected<json::array> spec_mounts(const SpecInput& in) {
  const auto& security = in.config->linux().security_context();
  const std::string rw = security.privileged() ? "rw" : "ro";
  const std::string files_rw = security.readonly_rootfs() ? "ro" : "rw";
  std::vector<json::object> all = {
      mount("proc", "proc", "/proc", {"nosuid", "noexec", "nodev"}),
      mount("tmpfs", "tmpfs", "/dev", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
      mount("devpts", "devpts", "/dev/pts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
      mount("mqueue", "mqueue", "/dev/mqueue", {"nosuid", "noexec", "nodev"}),
      mount("sysfs", "sysfs", "/sys", {"nosuid", "noexec", "nodev", rw}),
      mount("cgroup", "cgroup", "/sys/fs/cgroup", {"nosuid", "noexec", "nodev", "relatime", rw}),
      bind_mount(in.shm, "/dev/shm", {"rprivate", "nosuid", "noexec", "nodev", "rw"}),
  };
  for (const auto* file : {"hostname", "hosts", "resolv.conf"}) {
    std::error_code error;
    if (fs::exists(in.files / file, error))
      all.push_back(bind_mount(in.files / file, std::string("/etc/") + file, {"rprivate", files_rw}));
  }
  const auto is_at = [](const std::string& path) {
    return [at = fs::path(path).lexically_normal()](const json::object& m) {
      return m.at("destination").as_string() == at.string();
    };
  };
  for (const auto& one : in.config->mounts()) {
    if (one.container_path().empty() || one.container_path()[0] != '/') {
      return Status::bad_request("mount path \"" + one.container_path() + "\" is not absolute");
    }
    if (one.has_image()) return Status::bad_request("this runtime mounts no images as volumes");
    auto made = host_mount(one);
    if (!made) return made.error();
    std::erase_if(all, is_at(one.container_path()));
    all.push_back(std::move(*made));
  }
  // An image has no say in what every container has, such as /proc.
  for (const auto& one : in.volumes) {
    if (std::ranges::any_of(all, is_at(one.container_path()))) continue;
    all.push_back(bind_mount(one.host_path(), one.container_path(), {"rprivate", "rw"}));
  }
  if (!in.env_file.empty()) {
    all.push_back(bind_mount(in.with_env, kWithEnv, {"rprivate", "ro"}));
    all.push_back(bind_mount(in.env_file, kEnvFile, {"rprivate", "ro"}));
  }
  // What lies inside another mount comes after it.
  std::ranges::stable_sort(all, {}, [](const json::object& m) {
    const auto& at = m.at("destination").as_string();
    return std::ranges::count(fs::path(std::string_view(at)).lexically_normal().string(), '/');
  });
  json::array out;
  for (auto& one : all) out.push_back(std::move(one));
  return out;
}

}  // namespace gantry::oci
