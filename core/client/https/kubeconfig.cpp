// YAML in by yaml-cpp, YAML out by hand.
#include "core/client/https/kubeconfig.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "core/files/regular.hpp"
#include "core/files/unique_fd.hpp"

namespace gantry::client {
namespace {

std::string base64(const std::string& text) {
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  int n = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                          reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(n));
  return out;
}

std::string unbase64(const std::string& text) {
  std::string out(text.size() / 4 * 3 + 3, '\0');
  int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                          reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (n < 0) return {};
  auto size = static_cast<size_t>(n);
  for (size_t i = text.size(); i > 0 && text[i - 1] == '=' && size > 0; --i) --size;
  out.resize(size);
  return out;
}

std::string read_file(const std::string& path) {
  if (!files::regular_if_there(path).ok()) return {};
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return in ? out.str() : std::string();
}

std::string text_at(const YAML::Node& node, const char* key) {
  auto value = node[key];
  return value && value.IsScalar() ? value.as<std::string>() : std::string();
}

// The `inner` map of the list entry with this name.
YAML::Node entry(const YAML::Node& root, const char* list, const char* inner, const std::string& name) {
  for (const auto& item : root[list]) {
    if (text_at(item, "name") == name && item[inner]) return item[inner];
  }
  return YAML::Node(YAML::NodeType::Map);
}

// "<key>-data" decoded, or the file that "<key>" names.
std::string data_or_file(const YAML::Node& node, const std::string& key, const std::filesystem::path& base) {
  std::string inline_data = text_at(node, (key + "-data").c_str());
  if (!inline_data.empty()) return unbase64(inline_data);
  std::string file = text_at(node, key.c_str());
  return file.empty() ? std::string() : read_file((base / file).string());
}

Expected<ServerConfig> from_yaml(const YAML::Node& root, const std::string& path, std::string context) {
  if (context.empty()) context = text_at(root, "current-context");
  auto chosen = entry(root, "contexts", "context", context);
  auto cluster = entry(root, "clusters", "cluster", text_at(chosen, "cluster"));
  auto user = entry(root, "users", "user", text_at(chosen, "user"));
  auto base = std::filesystem::path(path).parent_path();
  ServerConfig config;
  config.server = text_at(cluster, "server");
  if (config.server.empty()) {
    return Status::bad_request(path + ": context \"" + context + "\" has no cluster with a server");
  }
  config.ca_pem = data_or_file(cluster, "certificate-authority", base);
  config.insecure = text_at(cluster, "insecure-skip-tls-verify") == "true";
  config.certificate_pem = data_or_file(user, "client-certificate", base);
  config.key_pem = data_or_file(user, "client-key", base);
  config.token = text_at(user, "token");
  if (std::string file = text_at(user, "tokenFile"); config.token.empty() && !file.empty()) {
    config.token = read_file((base / file).string());
    while (!config.token.empty() && config.token.back() == '\n') config.token.pop_back();
  }
  config.ns = text_at(chosen, "namespace");
  return config;
}

std::string to_yaml(const ServerConfig& config, const std::string& name) {
  std::string out = "apiVersion: v1\nkind: Config\ncurrent-context: " + name + "\nclusters:\n- name: " + name +
                    "\n  cluster:\n    server: " + config.server + "\n";
  if (!config.ca_pem.empty()) {
    out += "    certificate-authority-data: " + base64(config.ca_pem) + "\n";
  }
  if (config.insecure) out += "    insecure-skip-tls-verify: true\n";
  out += "contexts:\n- name: " + name + "\n  context:\n    cluster: " + name + "\n    user: " + name + "\n";
  if (!config.ns.empty()) out += "    namespace: " + config.ns + "\n";
  out += "users:\n- name: " + name + "\n  user:\n";
  if (!config.certificate_pem.empty()) {
    out += "    client-certificate-data: " + base64(config.certificate_pem) + "\n";
    out += "    client-key-data: " + base64(config.key_pem) + "\n";
  }
  if (!config.token.empty()) out += "    token: \"" + config.token + "\"\n";
  return out;
}

Status failure(const std::string& path) { return Status::internal(path + ": " + std::strerror(errno)); }

}  // namespace

Expected<ServerConfig> read_kubeconfig(const std::string& path, const std::string& context) {
  if (auto status = files::regular_if_there(path); !status.ok()) return status;
  std::string text = read_file(path);
  if (text.empty()) return Status::bad_request(path + ": cannot be read, or is empty");
  try {
    return from_yaml(YAML::Load(text), path, context);
  } catch (const std::exception& e) {
    return Status::bad_request(path + ": " + e.what());
  }
}

Status write_kubeconfig(const std::string& path, const ServerConfig& config, const std::string& name) {
  if (auto status = files::regular_if_there(path); !status.ok()) return status;
  std::string text = to_yaml(config, name);
  if (read_file(path) == text && ::chmod(path.c_str(), 0600) == 0) return {};
  std::error_code error;
  auto parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  std::string temporary = path + ".new." + std::to_string(::getpid());
  ::unlink(temporary.c_str());
  io::UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return failure(temporary);
  bool written =
      ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd.get()) == 0;
  if (!written || ::rename(temporary.c_str(), path.c_str()) != 0) {
    Status status = failure(path);
    ::unlink(temporary.c_str());
    return status;
  }
  return {};
}

}  // namespace gantry::client
