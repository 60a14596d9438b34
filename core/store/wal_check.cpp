// The format is SQLite's own (fileformat2, "The Write-Ahead Log"): a header of 32 bytes, then frames of 24 bytes and a
// page each. A checksum starts from that of the frame before, so that frames form a chain; a new round through the file
// has new salts.
#include "core/store/wal_check.hpp"

#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>
#include <vector>

namespace gantry::store {
namespace {

constexpr size_t kHeader = 32, kFrameHeader = 24;
constexpr uint32_t kMagic = 0x377f0682;  // the lowest bit: checksums are of big-endian words
constexpr uint32_t kLeastPage = 512, kMostPage = 65'536;
constexpr uint32_t kUsualPage = 4096;

uint32_t big(const unsigned char* at) {
  return static_cast<uint32_t>(at[0]) << 24 | static_cast<uint32_t>(at[1]) << 16 | static_cast<uint32_t>(at[2]) << 8 |
         at[3];
}
uint32_t little(const unsigned char* at) {
  return static_cast<uint32_t>(at[3]) << 24 | static_cast<uint32_t>(at[2]) << 16 | static_cast<uint32_t>(at[1]) << 8 |
         at[0];
}

struct Sum {
  uint32_t a = 0, b = 0;
  bool operator==(const Sum&) const = default;
};

Sum add(Sum sum, const unsigned char* bytes, size_t size, bool big_endian) {
  const auto word = big_endian ? big : little;
  for (size_t i = 0; i < size; i += 8) {
    sum.a += word(bytes + i) + sum.b;
    sum.b += word(bytes + i + 4) + sum.a;
  }
  return sum;
}

Sum sum_at(const unsigned char* at) { return {big(at), big(at + 4)}; }

struct Header {
  bool good = false, big_endian = false;
  uint32_t page = kUsualPage;
  Sum salts, sum;
};

Header read_header(const unsigned char* bytes) {
  Header header;
  const uint32_t page = big(bytes + 8);
  header.big_endian = (big(bytes) & 1) != 0;
  header.salts = sum_at(bytes + 16);
  header.sum = sum_at(bytes + 24);
  header.good = (big(bytes) & ~1U) == kMagic && page >= kLeastPage && page <= kMostPage && (page & (page - 1)) == 0 &&
                add({}, bytes, 24, header.big_endian) == header.sum;
  if (header.good)
    header.page = page;
  else
    header.big_endian = std::endian::native == std::endian::big;  // as SQLite writes here
  return header;
}

// Follows the frames one by one.
class Chain {
 public:
  explicit Chain(const Header& header) : header_(header), before_(header.sum), whole_(header.good) {
    if (!whole_) found_.emplace();
  }

  void frame(const unsigned char* bytes, uint64_t offset) {
    // A damaged header tells no salts: then the frames among themselves must do.
    const bool same_round = header_.good ? sum_at(bytes + 8) == header_.salts : sum_at(bytes + 8) == salts_before_;
    const Sum seed = before_;
    Sum sum = add(seed, bytes, 8, header_.big_endian);
    sum = add(sum, bytes + kFrameHeader, header_.page, header_.big_endian);
    const bool fits = same_round && sum == sum_at(bytes + 16);
    if (!fits && whole_) {
      whole_ = false;
      found_ = WalBreak{offset, 0};
    } else if (fits && !whole_ && last_ends_) {
      ++found_->transactions;
    }
    before_ = sum_at(bytes + 16);
    salts_before_ = sum_at(bytes + 8);
    const bool believable = header_.good ? same_round : true;
    last_ends_ = believable && big(bytes + 4) != 0;
  }

  std::optional<WalBreak> result() const { return found_ && found_->transactions > 0 ? found_ : std::nullopt; }

 private:
  const Header header_;
  Sum before_, salts_before_;
  bool whole_;              // so far
  bool last_ends_ = false;  // the frame before ended a transaction
  std::optional<WalBreak> found_;
};

Status unreadable(const std::filesystem::path& wal) {
  return Status::internal("cannot read " + wal.string() + ": " + std::generic_category().message(errno));
}

}  // namespace

Expected<std::optional<WalBreak>> check_wal(const std::filesystem::path& wal) {
  std::error_code error;
  if (!std::filesystem::exists(wal, error)) return std::optional<WalBreak>();
  std::ifstream in(wal, std::ios::binary);
  if (!in) return unreadable(wal);
  unsigned char head[kHeader];
  if (!in.read(reinterpret_cast<char*>(head), kHeader)) return std::optional<WalBreak>();
  const Header header = read_header(head);
  std::vector<unsigned char> frame(kFrameHeader + header.page);
  Chain chain(header);
  for (uint64_t offset = kHeader;
       in.read(reinterpret_cast<char*>(frame.data()), static_cast<std::streamsize>(frame.size()));
       offset += frame.size()) {
    chain.frame(frame.data(), offset);
  }
  if (in.bad()) return unreadable(wal);
  return chain.result();
}

}  // namespace gantry::store
