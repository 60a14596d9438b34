#include "records.hpp"

#include <boost/json.hpp>

#include "json.hpp"

namespace gantry::oci {

namespace json = boost::json;

namespace {

json::object to_json(const Process& process) {
  return {{"pid", process.pid}, {"start", process.start_ticks}, {"boot", process.boot_id}};
}

Process process_in(const json::value& of, std::string_view name) {
  const auto& value = member(of, name);
  return {static_cast<pid_t>(number_in(value, "pid")), static_cast<uint64_t>(number_in(value, "start")),
          text_in(value, "boot")};
}

template <typename Message>
Status save_config(const fs::path& folder, const Message& config) {
  std::error_code error;
  if (fs::exists(folder / "config.pb", error)) return {};
  return write_file_atomic(folder / "config.pb", config.SerializeAsString());
}

// Configuration and record of a folder; the folder's name is the id.
template <typename Message>
Expected<json::value> load(const fs::path& folder, Message& config) {
  const auto bytes = read_file(folder / "config.pb");
  if (!bytes) return bytes.error();
  if (!config.ParseFromString(*bytes)) return Status::internal((folder / "config.pb").string() + ": damaged");
  const auto text = read_file(folder / "record.json");
  if (!text) return text.error();
  return parse_json(*text);
}

json::array numbers(const std::vector<int64_t>& values) { return json::array(values.begin(), values.end()); }

}  // namespace

Status save(const fs::path& folder, const SandboxRecord& r) {
  if (auto status = save_config(folder, r.config); !status.ok()) return status;
  const json::object out = {
      {"handler", r.handler},      {"created_at", r.created_at}, {"phase", static_cast<int>(r.phase)},
      {"pause", to_json(r.pause)}, {"cgroup", r.cgroup},         {"made_parent", r.made_parent},
      {"netns", r.netns}};
  return write_file_atomic(folder / "record.json", json::serialize(out));
}

Status save(const fs::path& folder, const ContainerRecord& r) {
  if (auto status = save_config(folder, r.config); !status.ok()) return status;
  const json::object out = {
      {"sandbox", r.sandbox_id},
      {"image", r.image_id},
      {"image_ref", r.image_ref},
      {"layers", json::array(r.layers.begin(), r.layers.end())},
      {"log_path", r.log_path},
      {"cgroup", r.cgroup},
      {"runtime", r.runtime},
      {"stop_signal", r.stop_signal},
      {"uid", r.user.uid},
      {"gid", r.user.gid},
      {"groups", numbers(r.user.groups)},
      {"created_at", r.created_at},
      {"started_at", r.started_at},
      {"finished_at", r.finished_at},
      {"phase", static_cast<int>(r.phase)},
      {"init", to_json(r.init)},
      {"conmon", to_json(r.conmon)},
      {"exit_code", r.exit_code},
      {"reason", r.reason},
      {"message", r.message},
  };
  return write_file_atomic(folder / "record.json", json::serialize(out));
}

Expected<SandboxRecord> load_sandbox(const fs::path& folder) {
  SandboxRecord r;
  const auto in = load(folder, r.config);
  if (!in) return in.error();
  r.id = folder.filename().string();
  r.handler = text_in(*in, "handler");
  r.created_at = number_in(*in, "created_at");
  r.phase = static_cast<SandboxRecord::Phase>(number_in(*in, "phase"));
  r.pause = process_in(*in, "pause");
  r.cgroup = text_in(*in, "cgroup");
  r.made_parent = flag_in(*in, "made_parent");
  r.netns = text_in(*in, "netns");
  return r;
}

Expected<ContainerRecord> load_container(const fs::path& folder) {
  ContainerRecord r;
  const auto in = load(folder, r.config);
  if (!in) return in.error();
  r.id = folder.filename().string();
  r.sandbox_id = text_in(*in, "sandbox");
  r.image_id = text_in(*in, "image");
  r.image_ref = text_in(*in, "image_ref");
  r.layers = texts_in(*in, "layers");
  r.log_path = text_in(*in, "log_path");
  r.cgroup = text_in(*in, "cgroup");
  r.runtime = text_in(*in, "runtime");
  r.stop_signal = static_cast<int>(number_in(*in, "stop_signal"));
  r.user.uid = number_in(*in, "uid");
  r.user.gid = number_in(*in, "gid");
  for (const auto& gid : list_in(*in, "groups")) {
    if (gid.is_int64()) r.user.groups.push_back(gid.get_int64());
  }
  r.created_at = number_in(*in, "created_at");
  r.started_at = number_in(*in, "started_at");
  r.finished_at = number_in(*in, "finished_at");
  r.phase = static_cast<ContainerRecord::Phase>(number_in(*in, "phase"));
  r.init = process_in(*in, "init");
  r.conmon = process_in(*in, "conmon");
  r.exit_code = static_cast<int>(number_in(*in, "exit_code"));
  r.reason = text_in(*in, "reason");
  r.message = text_in(*in, "message");
  return r;
}

}  // namespace gantry::oci
