#include "addresses.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <memory>

namespace gantry::bridge {
namespace {

namespace fs = std::filesystem;

Status failed(const fs::path& path, const char* what) {
  return Status::internal(std::string(what) + " " + path.string() + ": " + std::strerror(errno));
}

// Makes the names in a folder durable.
void sync_folder(const fs::path& dir) {
  const int fd = ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

std::string address_text(uint32_t address) {
  const in_addr raw{htonl(address)};
  std::array<char, INET_ADDRSTRLEN> text;
  ::inet_ntop(AF_INET, &raw, text.data(), text.size());
  return text.data();
}

Expected<uint32_t> parse_address(std::string_view text) {
  in_addr raw{};
  if (::inet_pton(AF_INET, std::string(text).c_str(), &raw) != 1) {
    return Status::invalid("\"" + std::string(text) + "\" is not an IPv4 address");
  }
  return ntohl(raw.s_addr);
}

Expected<Range> Range::parse(std::string_view cidr) {
  const size_t slash = cidr.find('/');
  int prefix = -1;
  if (slash != cidr.npos) std::from_chars(cidr.data() + slash + 1, cidr.data() + cidr.size(), prefix);
  const auto base = parse_address(cidr.substr(0, slash));
  if (!base || prefix < 8 || prefix > 30) {
    return Status::invalid("\"" + std::string(cidr) + "\" is not an IPv4 range such as 10.42.0.0/24 (/8 to /30)");
  }
  return Range{*base & ~((1U << (32 - prefix)) - 1), prefix};
}

Expected<std::unique_ptr<AddressPool>> AddressPool::open(fs::path dir, Range range) {
  std::error_code error;
  fs::create_directories(dir, error);
  if (error) return Status::internal(dir.string() + ": " + error.message());
  std::unique_ptr<AddressPool> pool(new AddressPool(std::move(dir), range));
  if (auto status = pool->load(); !status.ok()) return status;
  return pool;
}

Status AddressPool::load() {
  std::error_code error;
  for (fs::directory_iterator it(dir_, error), end; !error && it != end; it.increment(error)) {
    const auto address = parse_address(it->path().filename().string());
    if (!address) continue;
    std::string sandbox;
    std::ifstream(it->path()) >> sandbox;
    if (sandbox.empty()) {  // the crash came between creating and writing: nobody was told of it
      fs::remove(it->path(), error);
      continue;
    }
    by_sandbox_[sandbox] = *address;
    used_.insert(*address);
  }
  if (error) return Status::internal("reading " + dir_.string() + ": " + error.message());
  std::string last;
  std::ifstream(dir_ / "last") >> last;
  if (const auto address = parse_address(last)) last_ = *address;
  return {};
}

Status AddressPool::write_file(uint32_t address, const std::string& sandbox) {
  const auto path = dir_ / address_text(address);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return failed(path, "creating");
  const bool written =
      ::write(fd, sandbox.data(), sandbox.size()) == static_cast<ssize_t>(sandbox.size()) && ::fsync(fd) == 0;
  Status status = written ? Status() : failed(path, "writing");
  ::close(fd);
  if (!written) ::unlink(path.c_str());
  sync_folder(dir_);
  return status;
}

Expected<uint32_t> AddressPool::acquire(const std::string& sandbox) {
  if (sandbox.empty()) return Status::bad_request("a sandbox without an id cannot have an address");
  const std::lock_guard lock(mutex_);
  if (const auto it = by_sandbox_.find(sandbox); it != by_sandbox_.end()) {
    if (range_.contains(it->second)) return it->second;
    if (auto status = release_locked(sandbox); !status.ok()) return status;  // the range has changed since
  }
  const uint32_t first = range_.first() + 1, last = range_.last();
  uint32_t candidate = last_ >= first && last_ < last ? last_ + 1 : first;
  for (uint32_t tried = 0; tried <= last - first; ++tried, candidate = candidate == last ? first : candidate + 1) {
    if (used_.contains(candidate)) continue;
    if (auto status = write_file(candidate, sandbox); !status.ok()) return status;
    std::ofstream(dir_ / "last", std::ios::trunc) << address_text(candidate);  // a hint; may be lost
    last_ = candidate;
    used_.insert(candidate);
    by_sandbox_[sandbox] = candidate;
    return candidate;
  }
  return Status::unavailable("no free address in " + address_text(range_.base) + "/" + std::to_string(range_.prefix));
}

Status AddressPool::release_locked(const std::string& sandbox) {
  const auto it = by_sandbox_.find(sandbox);
  if (it == by_sandbox_.end()) return {};
  const auto path = dir_ / address_text(it->second);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return failed(path, "removing");
  used_.erase(it->second);
  by_sandbox_.erase(it);
  return {};
}

Status AddressPool::release(const std::string& sandbox) {
  const std::lock_guard lock(mutex_);
  return release_locked(sandbox);
}

Expected<std::set<std::string>> AddressPool::keep_only(const std::set<std::string>& live) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> gone;
  for (const auto& [sandbox, address] : by_sandbox_) {
    if (!live.contains(sandbox)) gone.insert(sandbox);
  }
  for (const auto& sandbox : gone) {
    if (auto status = release_locked(sandbox); !status.ok()) return status;
  }
  return gone;
}

uint32_t AddressPool::find(const std::string& sandbox) const {
  const std::lock_guard lock(mutex_);
  const auto it = by_sandbox_.find(sandbox);
  return it == by_sandbox_.end() ? 0 : it->second;
}

}  // namespace gantry::bridge
