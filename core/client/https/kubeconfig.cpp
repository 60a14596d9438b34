// Kubeconfigs as documents: what is looked for in one, and what must be said in it.
#include "core/client/https/kubeconfig.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

#include "core/files/aside.hpp"
#include "core/files/regular.hpp"
#include "core/files/unique_fd.hpp"
#include "core/schema/codec/codec.hpp"

namespace gantry::client {
namespace {

// A kubeconfig of many clusters has some ten kilobytes, and a reader of YAML takes its time.
constexpr off_t kLargest = 1 << 20;

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

using Json = boost::json::value;
using JsonObject = boost::json::object;

const JsonObject& as_object(const Json* value) {
  static const JsonObject kNone;
  const auto* object = value != nullptr ? value->if_object() : nullptr;
  return object != nullptr ? *object : kNone;
}

std::string text_at(const JsonObject& object, std::string_view key) {
  const Json* value = object.if_contains(key);
  if (value == nullptr) return {};
  if (const auto* text = value->if_string()) return std::string(*text);
  if (const bool* flag = value->if_bool()) return *flag ? "true" : "false";
  if (const int64_t* number = value->if_int64()) return std::to_string(*number);
  return {};
}

// The entry of a list with this name; null: there is none.
JsonObject* find_entry(JsonObject& root, std::string_view list, std::string_view name) {
  Json* entries = root.if_contains(list);
  auto* array = entries != nullptr ? entries->if_array() : nullptr;
  if (array == nullptr) return nullptr;
  for (auto& item : *array) {
    if (item.is_object() && text_at(item.get_object(), "name") == name) return &item.get_object();
  }
  return nullptr;
}

// What the entry of this name has at `inner`.
const JsonObject& entry(JsonObject& root, std::string_view list, std::string_view inner, std::string_view name) {
  const JsonObject* found = find_entry(root, list, name);
  return as_object(found != nullptr ? found->if_contains(inner) : nullptr);
}

// "<key>-data" decoded, or the file that "<key>" names.
std::string data_or_file(const JsonObject& object, const std::string& key, const std::filesystem::path& base) {
  std::string inline_data = text_at(object, key + "-data");
  if (!inline_data.empty()) return unbase64(inline_data);
  std::string file = text_at(object, key);
  return file.empty() ? std::string() : read_file((base / file).string());
}

void read_cluster(const JsonObject& cluster, const std::filesystem::path& base, ServerConfig& config) {
  config.server = text_at(cluster, "server");
  config.ca_pem = data_or_file(cluster, "certificate-authority", base);
  config.insecure = text_at(cluster, "insecure-skip-tls-verify") == "true";
}

void read_user(const JsonObject& user, const std::filesystem::path& base, ServerConfig& config) {
  config.certificate_pem = data_or_file(user, "client-certificate", base);
  config.key_pem = data_or_file(user, "client-key", base);
  config.token = text_at(user, "token");
  if (std::string file = text_at(user, "tokenFile"); config.token.empty() && !file.empty()) {
    config.token = read_file((base / file).string());
    while (!config.token.empty() && config.token.back() == '\n') config.token.pop_back();
  }
}

Expected<ServerConfig> from_document(JsonObject& root, const std::string& path, std::string context) {
  if (context.empty()) context = text_at(root, "current-context");
  const auto& chosen = entry(root, "contexts", "context", context);
  const auto base = std::filesystem::path(path).parent_path();
  ServerConfig config;
  read_cluster(entry(root, "clusters", "cluster", text_at(chosen, "cluster")), base, config);
  if (config.server.empty()) {
    return Status::bad_request(path + ": context \"" + context + "\" has no cluster with a server");
  }
  read_user(entry(root, "users", "user", text_at(chosen, "user")), base, config);
  config.ns = text_at(chosen, "namespace");
  return config;
}

// The object at `inner` of the entry of this name, both made when absent.
JsonObject& ensure_entry(JsonObject& root, std::string_view list, std::string_view inner, const std::string& name) {
  JsonObject* found = find_entry(root, list, name);
  if (found == nullptr) {
    Json& entries = root[list];
    if (!entries.is_array()) entries.emplace_array();
    found = &entries.get_array().emplace_back(JsonObject{{"name", name}}).get_object();
  }
  Json& value = (*found)[inner];
  return value.is_object() ? value.get_object() : value.emplace_object();
}

void set_data(JsonObject& object, const std::string& key, const std::string& pem) {
  object.erase(key);
  object.erase(key + "-data");
  if (!pem.empty()) object[key + "-data"] = base64(pem);
}

void say_cluster(JsonObject& root, const std::filesystem::path& base, const ServerConfig& config,
                 const std::string& name) {
  ServerConfig said;
  read_cluster(entry(root, "clusters", "cluster", name), base, said);
  if (said.server == config.server && said.ca_pem == config.ca_pem && said.insecure == config.insecure) return;
  auto& cluster = ensure_entry(root, "clusters", "cluster", name);
  cluster["server"] = config.server;
  set_data(cluster, "certificate-authority", config.ca_pem);
  cluster.erase("insecure-skip-tls-verify");
  if (config.insecure) cluster["insecure-skip-tls-verify"] = true;
}

void say_user(JsonObject& root, const std::filesystem::path& base, const ServerConfig& config,
              const std::string& name) {
  ServerConfig said;
  read_user(entry(root, "users", "user", name), base, said);
  const bool same = said.certificate_pem == config.certificate_pem && said.key_pem == config.key_pem;
  if (same && said.token == config.token && find_entry(root, "users", name) != nullptr) return;
  auto& user = ensure_entry(root, "users", "user", name);
  set_data(user, "client-certificate", config.certificate_pem);
  set_data(user, "client-key", config.key_pem);
  for (const std::string_view key : {"token", "tokenFile"}) user.erase(key);
  if (!config.token.empty()) user["token"] = config.token;
}

// Some context leads there, whatever it is called, and one is chosen.
void say_context(JsonObject& root, const ServerConfig& config, const std::string& name) {
  const Json* list = root.if_contains("contexts");
  const auto* contexts = list != nullptr ? list->if_array() : nullptr;
  std::string there;
  for (size_t i = 0; contexts != nullptr && i < contexts->size() && there.empty(); ++i) {
    const auto& item = as_object(&(*contexts)[i]);
    const auto& context = as_object(item.if_contains("context"));
    if (text_at(context, "cluster") == name && text_at(context, "user") == name) there = text_at(item, "name");
  }
  if (there.empty()) {
    there = name;
    auto& context = ensure_entry(root, "contexts", "context", name);
    context["cluster"] = name;
    context["user"] = name;
    if (!config.ns.empty()) context["namespace"] = config.ns;
  }
  const std::string chosen = text_at(root, "current-context");
  if (chosen.empty() || find_entry(root, "contexts", chosen) == nullptr) root["current-context"] = there;
}

// The document of a kubeconfig's text; nothing: it is none.
std::optional<Json> document_of(const std::string& text) {
  auto document = schema::parse_yaml(text);
  if (!document || !document->is_object()) return std::nullopt;
  for (const std::string_view list : {"clusters", "contexts", "users"}) {
    const Json* entries = document->get_object().if_contains(list);
    if (entries != nullptr && !entries->is_array() && !entries->is_null()) return std::nullopt;
  }
  return std::move(*document);
}

// The text of a kubeconfig that says all that, and whatever else `before` does; `text`, when that says it already.
std::string with_config(const std::string& text, const std::optional<Json>& before, const std::string& path,
                        const ServerConfig& config, const std::string& name) {
  Json root = before ? *before : Json(JsonObject());
  auto& object = root.get_object();
  const auto base = std::filesystem::path(path).parent_path();
  for (const auto& [key, value] : {std::pair("apiVersion", "v1"), std::pair("kind", "Config")}) {
    if (text_at(object, key) != value) object[key] = value;
  }
  say_cluster(object, base, config, name);
  say_user(object, base, config, name);
  say_context(object, config, name);
  return before && root == *before ? text : schema::to_yaml(root);
}

// What is there; nothing: no file, or none that can be read, or more than kLargest.
std::string small_file(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || found.st_size > kLargest) return {};
  return read_file(path);
}
bool has_content(const std::string& path) {
  struct stat found {};
  return ::stat(path.c_str(), &found) == 0 && found.st_size > 0;
}

Status failure(const std::string& path) { return Status::internal(path + ": " + std::strerror(errno)); }

}  // namespace

Expected<ServerConfig> read_kubeconfig(const std::string& path, const std::string& context) {
  if (auto status = files::regular_if_there(path); !status.ok()) return status;
  std::string text = read_file(path);
  if (text.empty()) return Status::bad_request(path + ": cannot be read, or is empty");
  auto document = schema::parse_yaml(text);
  if (!document) return std::move(document).error().in(path);
  if (!document->is_object()) return Status::bad_request(path + ": is no kubeconfig");
  return from_document(document->get_object(), path, context);
}

Status write_kubeconfig(const std::string& given, const ServerConfig& config, const std::string& name,
                        std::string* kept) {
  if (auto status = files::regular_if_there(given); !status.ok()) return status;
  std::error_code error;
  // Of a link the file that it leads to is written.
  const auto real = std::filesystem::canonical(given, error);
  const std::string path = error ? given : real.string();
  const std::string before = small_file(path);
  const auto document = document_of(before);
  const std::string text = with_config(before, document, path, config, name);
  if (before == text && ::chmod(path.c_str(), 0600) == 0) return {};
  auto parent = std::filesystem::path(path).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  std::string temporary = path + ".new." + std::to_string(::getpid());
  ::unlink(temporary.c_str());
  io::UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd.valid()) return failure(temporary);
  const bool written =
      ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd.get()) == 0;
  Status status = written ? Status() : failure(path);
  // What can't be read may be all that somebody has.
  if (const std::string old = path + ".old"; written && !document && has_content(path)) {
    status = files::keep_aside(path, old);
    if (status.ok() && kept != nullptr) *kept = old;
  }
  if (status.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) status = failure(path);
  if (!status.ok()) {
    ::unlink(temporary.c_str());
    return status;
  }
  return {};
}

}  // namespace gantry::client
