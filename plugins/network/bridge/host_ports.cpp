#include "host_ports.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

namespace gantry::bridge {
namespace {

constexpr char kFile[] = "/host-ports", kFormer[] = "/ports";
constexpr char kAny[] = "*";  // in place of an address of the host

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Status damaged(const std::string& path) {
  return Status::internal(path + " is damaged; remove it, host ports come back with their pods");
}

}  // namespace

std::vector<HostPort> HostPorts::of(const abi::NetworkAttachment& attachment, const std::string& address,
                                    std::vector<std::string>& left_out) {
  std::vector<HostPort> ports;
  for (const auto& port : attachment.ports()) {
    if (port.host_port() <= 0) continue;
    if (!port.host_ip().empty() && !parse_address(port.host_ip())) {
      left_out.push_back(port.host_ip() + ":" + std::to_string(port.host_port()));
      continue;
    }
    ports.push_back({lower(port.protocol().empty() ? "TCP" : port.protocol()), static_cast<uint16_t>(port.host_port()),
                     port.host_ip(), address, static_cast<uint16_t>(port.container_port())});
  }
  return ports;
}

// A line a port: SANDBOX POD-ADDRESS PROTOCOL HOST-PORT POD-PORT HOST-ADDRESS.
Status HostPorts::load(const std::string& dir) {
  dir_ = dir;
  std::ifstream file(dir + kFile);
  if (!file) return load_attachments(dir + kFormer);
  for (std::string line; std::getline(file, line);) {
    std::istringstream in(line);
    std::string sandbox;
    HostPort port;
    if (!(in >> sandbox >> port.pod_ip >> port.protocol >> port.host_port >> port.pod_port >> port.host_ip)) {
      return damaged(dir + kFile);
    }
    if (port.host_ip == kAny) port.host_ip.clear();
    by_sandbox_[sandbox].push_back(std::move(port));
  }
  return {};
}

// What was kept before: whole attachments, the pod's address in the place of its namespace's path.
Status HostPorts::load_attachments(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  for (std::string size; std::getline(file, size);) {
    std::string bytes(std::min<size_t>(std::strtoul(size.c_str(), nullptr, 10), 1 << 20), '\0');
    abi::NetworkAttachment attachment;
    if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size())) || !attachment.ParseFromString(bytes)) {
      return damaged(path);
    }
    std::vector<std::string> ignored;
    set(attachment.sandbox_id(), of(attachment, attachment.netns(), ignored));
  }
  if (by_sandbox_.empty()) return {};
  if (auto saved = save(); !saved.ok()) return saved;
  std::remove(path.c_str());
  return {};
}

Status HostPorts::save() const {
  std::string text;
  for (const auto& [sandbox, ports] : by_sandbox_) {
    for (const auto& port : ports) {
      text += sandbox + " " + port.pod_ip + " " + port.protocol + " " + std::to_string(port.host_port) + " " +
              std::to_string(port.pod_port) + " " + (port.host_ip.empty() ? kAny : port.host_ip) + "\n";
    }
  }
  const std::string path = dir_ + kFile, fresh = path + ".new";
  std::ofstream file(fresh);
  file << text << std::flush;
  if (!file.good() || std::rename(fresh.c_str(), path.c_str()) != 0) {
    return Status::internal("writing " + path + ": " + std::strerror(errno));
  }
  return {};
}

std::vector<HostPort> HostPorts::all() const {
  std::vector<HostPort> out;
  for (const auto& [sandbox, ports] : by_sandbox_) out.insert(out.end(), ports.begin(), ports.end());
  return out;
}

}  // namespace gantry::bridge
