// Host-local addresses: which sandbox has which address of this node's range.
//
// One file an address, named by it, holding the sandbox's id: created exclusively and synced before the address is
// used, so that it survives restarts and is never handed out twice. The next address is sought behind the last one, so
// that a freed address rests as long as possible. [any-thread]
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::bridge {

// An IPv4 range in host byte order.
struct Range {
  uint32_t base = 0;
  int prefix = 0;
  static Expected<Range> parse(std::string_view cidr);
  uint32_t first() const { return base + 1; }                         // the gateway
  uint32_t last() const { return base + (1U << (32 - prefix)) - 2; }  // before the broadcast address
  bool contains(uint32_t address) const { return address >= base && address <= last() + 1; }
};
std::string address_text(uint32_t address);
Expected<uint32_t> parse_address(std::string_view text);

class AddressPool {
 public:
  // Reads what is on disk under `dir`; addresses outside `range` (of an earlier configuration) are kept until released.
  static Expected<std::unique_ptr<AddressPool>> open(std::filesystem::path dir, Range range);

  const Range& range() const { return range_; }
  uint32_t gateway() const { return range_.first(); }
  // The sandbox's address, a new one if it has none. 503 when the range is used up.
  Expected<uint32_t> acquire(const std::string& sandbox);
  Status release(const std::string& sandbox);
  // Releases every sandbox that is not in `live`; says which.
  Expected<std::set<std::string>> keep_only(const std::set<std::string>& live);
  // 0 when it has none.
  uint32_t find(const std::string& sandbox) const;

 private:
  AddressPool(std::filesystem::path dir, Range range) : dir_(std::move(dir)), range_(range) {}
  Status load();
  Status write_file(uint32_t address, const std::string& sandbox);
  Status release_locked(const std::string& sandbox);

  const std::filesystem::path dir_;
  const Range range_;
  mutable std::mutex mutex_;
  std::map<std::string, uint32_t> by_sandbox_;
  std::set<uint32_t> used_;
  uint32_t last_ = 0;
};

}  // namespace gantry::bridge
