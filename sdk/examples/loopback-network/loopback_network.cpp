// A pod network that connects nothing: each pod gets an address of its node's range on its own loopback device, and
// that is all. Pods have their usual addresses and can talk to themselves; nothing else reaches them. For jobs that
// need no network, and as the least that a backend must do: be told of ranges, keep track of attachments, survive a
// restart.
//
// An attachment is a file in the plugin's data folder, named like its sandbox, that holds the address. So a restarted
// daemon finds what was given out.
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

#include "gantry/verbs.hpp"

namespace {

namespace fs = std::filesystem;
using namespace gantry;

Status failed(const std::string& what) { return Status::internal(what + ": " + std::strerror(errno)); }

// Runs in a thread that has entered the pod's namespace.
Status set_loopback(const std::string& ip) {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed("socket");
  Status done;
  ifreq device{};
  std::strcpy(device.ifr_name, "lo");
  device.ifr_flags = IFF_UP | IFF_RUNNING | IFF_LOOPBACK;
  if (::ioctl(fd, SIOCSIFFLAGS, &device) != 0) done = failed("bring up lo");
  // A second address of a device is that of its alias.
  const auto set = [&](unsigned long what, const char* value) {
    device = {};
    std::strcpy(device.ifr_name, "lo:0");
    auto* address = reinterpret_cast<sockaddr_in*>(&device.ifr_addr);
    address->sin_family = AF_INET;
    ::inet_pton(AF_INET, value, &address->sin_addr);
    if (done.ok() && ::ioctl(fd, what, &device) != 0) done = failed(std::string("set the address ") + value + " of lo");
  };
  set(SIOCSIFADDR, ip.c_str());
  set(SIOCSIFNETMASK, "255.255.255.255");
  ::close(fd);
  return done;
}

// A network namespace belongs to a thread, and the host's worker must keep its own: another thread goes there, and
// ends.
Status in_namespace(const std::string& netns, const std::string& ip) {
  Status done;
  std::thread([&] {
    const int fd = ::open(netns.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
      done = failed(netns);
      return;
    }
    done = ::setns(fd, CLONE_NEWNET) == 0 ? set_loopback(ip) : failed("enter " + netns);
    ::close(fd);
  }).join();
  return done;
}

class Loopback {
 public:
  static Expected<std::unique_ptr<Loopback>> create(sdk::Host host) {
    auto made = std::make_unique<Loopback>();
    made->dir_ = host.daemon("data_dir");
    if (made->dir_.empty()) return Status::unavailable("this host gives plugins no data folder");
    return made;
  }

  const void* get_interface(std::string_view id) {
    static constexpr gantry_network table = sdk::network_verbs<Loopback>();
    return id == GANTRY_NETWORK_ID ? &table : nullptr;
  }

  // The verbs. They come from any worker.
  Status set_node(const gantry::abi::NetworkNode& node) {
    const std::lock_guard lock(mutex_);
    if (node.pod_cidrs().empty()) return Status::invalid("node " + node.name() + " has no pod range");
    range_ = node.pod_cidrs(0);
    return {};
  }
  // Other nodes can't be reached, and none asks for anything.
  Status set_nodes(const gantry::abi::NetworkNodes&) { return {}; }

  Expected<gantry::abi::NetworkResult> add(const gantry::abi::NetworkAttachment& to) {
    const std::lock_guard lock(mutex_);
    auto ip = address_of(to.sandbox_id());
    if (ip.empty()) {
      auto free = free_address();
      if (!free) return free.error();
      ip = *free;
      // Written first: an address that was given out twice would be worse than one that is lost until the next gc.
      std::ofstream file(dir_ / to.sandbox_id());
      if (!(file << ip << std::flush)) return failed((dir_ / to.sandbox_id()).string());
    }
    if (auto done = in_namespace(to.netns(), ip); !done.ok()) return done;
    gantry::abi::NetworkResult result;
    result.add_ips(ip);
    return result;
  }
  // The device goes with its namespace.
  Status del(const gantry::abi::NetworkAttachment& from) {
    const std::lock_guard lock(mutex_);
    fs::remove(dir_ / from.sandbox_id());
    return {};
  }
  Status check(const gantry::abi::NetworkAttachment& of) {
    const std::lock_guard lock(mutex_);
    if (address_of(of.sandbox_id()).empty())
      return Status::not_found("sandbox " + of.sandbox_id() + " is not attached");
    return {};
  }
  Status gc(const gantry::abi::NetworkLive& live) {
    const std::lock_guard lock(mutex_);
    const std::set<std::string> keep(live.sandbox_ids().begin(), live.sandbox_ids().end());
    for (const auto& entry : fs::directory_iterator(dir_)) {
      if (!keep.contains(entry.path().filename().string())) fs::remove(entry.path());
    }
    return {};
  }

 private:
  std::string address_of(const std::string& sandbox) const {
    std::ifstream file(dir_ / sandbox);
    std::string ip;
    file >> ip;
    return ip;
  }
  Expected<std::string> free_address() const {
    std::set<std::string> taken;
    for (const auto& entry : fs::directory_iterator(dir_)) taken.insert(address_of(entry.path().filename().string()));
    in_addr base{};
    const auto slash = range_.find('/');
    if (slash == std::string::npos || ::inet_pton(AF_INET, range_.substr(0, slash).c_str(), &base) != 1) {
      return Status::unavailable("the node has no IPv4 pod range yet");
    }
    const uint32_t size = 1u << (32 - std::stoi(range_.substr(slash + 1)));
    for (uint32_t i = 1; i + 1 < size; ++i) {
      const in_addr address{htonl(ntohl(base.s_addr) + i)};
      char text[INET_ADDRSTRLEN];
      ::inet_ntop(AF_INET, &address, text, sizeof text);
      if (!taken.contains(text)) return std::string(text);
    }
    return Status::unavailable("no address of " + range_ + " is free");
  }

  std::mutex mutex_;
  fs::path dir_;
  std::string range_;
};

}  // namespace

GANTRY_PLUGIN(Loopback, "loopback", "1.0.0", "Gantry's examples", "Pods with an address and no network",
              GANTRY_NETWORK_ID);
