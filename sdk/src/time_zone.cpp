#include "gantry/time_zone.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <vector>

#include "posix_zone.hpp"

namespace gantry::sdk {
namespace {

constexpr size_t kLargestFile = 1 << 20;
constexpr size_t kLongestName = 255;
constexpr size_t kHeader = 44;
constexpr int64_t kFirst = std::numeric_limits<int64_t>::min(), kLast = std::numeric_limits<int64_t>::max();

int64_t read_number(std::string_view bytes, size_t at, size_t size) {
  uint64_t value = (bytes[at] & 0x80) != 0 ? ~uint64_t{0} : 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return static_cast<int64_t>(value);
}

// How many of each there are in a block, and what the block's parts take.
struct Counts {
  size_t is_utc, is_standard, leaps, times, types, letters;

  static std::optional<Counts> read(std::string_view file) {
    if (file.size() < kHeader || !file.starts_with("TZif")) return std::nullopt;
    const auto at = [&](size_t i) {
      return static_cast<size_t>(static_cast<uint32_t>(read_number(file, 20 + 4 * i, 4)));
    };
    const Counts counts{at(0), at(1), at(2), at(3), at(4), at(5)};
    for (const size_t count :
         {counts.is_utc, counts.is_standard, counts.leaps, counts.times, counts.types, counts.letters}) {
      if (count > kLargestFile) return std::nullopt;
    }
    return counts;
  }
  size_t block(size_t time) const {
    return times * (time + 1) + types * 6 + letters + leaps * (time + 4) + is_standard + is_utc;
  }
};

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::string bytes(kLargestFile + 1, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<size_t>(in.gcount()));
  if (bytes.empty() || bytes.size() > kLargestFile) return std::nullopt;
  return bytes;
}

bool is_zone_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || name.front() == '/' || name.find("..") != name.npos) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_+-/.").find(c) != std::string_view::npos;
  });
}

Status damaged() { return Status::invalid("this is no zone data"); }

}  // namespace

struct TimeZone::Data {
  struct Change {
    int64_t at;
    int32_t offset;
  };
  int32_t before = 0;  // the first change
  std::vector<Change> changes;
  std::optional<PosixZone> after;  // the last one

  // The part of a file behind a header: times of `size` bytes.
  bool read(std::string_view block, const Counts& counts, size_t size) {
    const size_t indexes = counts.times * size, types = indexes + counts.times;
    const auto offset = [&](size_t type) { return static_cast<int32_t>(read_number(block, types + 6 * type, 4)); };
    if (counts.types == 0) return false;
    for (size_t i = 0; i < counts.types; ++i) {
      if (offset(i) < -93'599 || offset(i) > 93'599) return false;  // 26 hours
    }
    before = offset(0);
    for (size_t i = 0; i < counts.times; ++i) {
      const auto type = static_cast<unsigned char>(block[indexes + i]);
      const int64_t at = read_number(block, i * size, size);
      if (type >= counts.types || (!changes.empty() && at <= changes.back().at)) return false;
      changes.push_back({at, offset(type)});
    }
    return true;
  }
};

Expected<TimeZone> TimeZone::parse(std::string_view file) {
  auto data = std::make_shared<Data>();
  auto counts = file.size() <= kLargestFile ? Counts::read(file) : std::nullopt;
  if (!counts) return damaged();
  const bool modern = file[4] >= '2';
  size_t time = 4;
  if (modern) {
    // The first block has 32 bits a time, for readers of old.
    const size_t skip = kHeader + counts->block(4);
    if (skip > file.size()) return damaged();
    file.remove_prefix(skip);
    counts = Counts::read(file);
    time = 8;
    if (!counts) return damaged();
  }
  const size_t size = counts->block(time);
  file.remove_prefix(kHeader);
  if (size > file.size() || !data->read(file.substr(0, size), *counts, time)) return damaged();
  if (modern) {
    auto footer = file.substr(size);
    if (footer.size() < 2 || footer.front() != '\n' || footer.back() != '\n') return damaged();
    footer = footer.substr(1, footer.size() - 2);
    if (!footer.empty() && !(data->after = PosixZone::parse(footer))) return damaged();
  }
  TimeZone zone;
  zone.data_ = std::move(data);
  return zone;
}

Expected<TimeZone> TimeZone::load(std::string_view name, const std::string& folder) {
  if (name == "UTC") return TimeZone();
  const auto unknown = [&] { return Status::invalid("unknown time zone " + std::string(name)); };
  if (!is_zone_name(name)) return unknown();
  const auto bytes = read_file(std::filesystem::path(folder) / name);
  if (!bytes) return unknown();
  auto zone = parse(*bytes);
  return zone ? std::move(zone) : Status(zone.error()).in("time zone " + std::string(name));
}

TimeZone TimeZone::local() {
  const char* const variable = std::getenv("TZ");
  std::string name = variable == nullptr ? "/etc/localtime" : variable;
  if (name.starts_with(':')) name.erase(0, 1);
  if (!name.starts_with('/')) {
    auto zone = load(name);
    return zone ? *zone : TimeZone();
  }
  const auto bytes = read_file(name);
  auto zone = bytes ? parse(*bytes) : Expected<TimeZone>(damaged());
  return zone ? *zone : TimeZone();
}

TimeZone::Span TimeZone::at(int64_t unix_seconds) const {
  if (data_ == nullptr) return {kFirst, kLast, 0};
  const auto& changes = data_->changes;
  const auto next = std::upper_bound(changes.begin(), changes.end(), unix_seconds,
                                     [](int64_t time, const Data::Change& change) { return time < change.at; });
  const int64_t begin = next == changes.begin() ? kFirst : std::prev(next)->at;
  if (next != changes.end())
    return {begin, next->at, next == changes.begin() ? data_->before : std::prev(next)->offset};
  if (!data_->after) return {begin, kLast, next == changes.begin() ? data_->before : std::prev(next)->offset};
  const auto span = data_->after->at(unix_seconds);
  return {std::max(begin, span.begin), span.end, span.offset};
}

}  // namespace gantry::sdk
