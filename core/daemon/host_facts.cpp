#include "core/daemon/host_facts.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "core/files/unique_fd.hpp"
#include "core/network/cidr.hpp"
#include "gantry/text.hpp"

namespace gantry::daemon {
namespace {

namespace fs = std::filesystem;

bool node_name_ok(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  if (name.empty() || name.size() > 253 || !plain(name.front()) || !plain(name.back())) return false;
  return std::all_of(name.begin(), name.end(), [&](char c) { return plain(c) || c == '-' || c == '.'; });
}

Status write_whole(const fs::path& file, const std::string& text) {
  const fs::path temporary = file.string() + ".new";
  const io::UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (fd.get() < 0 || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
      ::fsync(fd.get()) != 0 || ::rename(temporary.c_str(), file.c_str()) != 0) {
    return Status::internal(file.string() + ": cannot be written: " + std::strerror(errno));
  }
  return {};
}

}  // namespace

Expected<std::string> host_node_name() {
  char name[HOST_NAME_MAX + 1] = {};
  ::gethostname(name, HOST_NAME_MAX);
  std::string lower(name);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (!node_name_ok(lower)) {
    return Status::invalid("the host's name \"" + std::string(name) + "\" is no name for a Node; set node.name");
  }
  return lower;
}

std::string default_route_address() {
  // Connecting a datagram socket sends nothing; it only asks the routing table.
  const io::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  ::inet_pton(AF_INET, "192.0.2.1", &to.sin_addr);
  sockaddr_in own{};
  socklen_t size = sizeof own;
  char text[INET_ADDRSTRLEN] = {};
  if (fd.get() < 0 || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&own), &size) != 0 ||
      ::inet_ntop(AF_INET, &own.sin_addr, text, sizeof text) == nullptr) {
    return "127.0.0.1";
  }
  return text;
}

Expected<std::string> kept_range(const fs::path& file) {
  constexpr size_t kMost = 64;
  std::ifstream in(file, std::ios::binary);
  std::string line(kMost, '\0');
  in.read(line.data(), kMost);
  line.resize(static_cast<size_t>(std::max<std::streamsize>(in.gcount(), 0)));
  line.resize(std::min(line.find('\n'), line.size()));
  if (network::Cidr::parse(line)) return line;
  std::string shown = as_text(line);
  for (char& c : shown) c = static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return Status::invalid(file.string() + ": \"" + shown +
                         "\" is no range of addresses; put back the one that this cluster's pods have, such as "
                         "10.42.0.0/16, or remove the file to have one chosen");
}

Expected<std::string> remembered(const fs::path& file, const std::string& otherwise) {
  std::ifstream in(file);
  std::string line;
  if (in && std::getline(in, line) && !line.empty()) return line;
  if (auto written = write_whole(file, otherwise + "\n"); !written.ok()) return written;
  return otherwise;
}

uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const auto before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

}  // namespace gantry::daemon
