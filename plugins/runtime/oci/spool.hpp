// An image archive taken apart: every file of it lies under a number in a temporary folder, with size and digest known.
//
// Names of the archive never become names of the file system, so that a hostile one can't choose where it is written.
// Used by the image store during one import; the folder goes with the object. One thread.
#pragma once

#include <map>
#include <string>

#include "files.hpp"

namespace gantry::oci {

struct SpooledFile {
  fs::path path;
  std::string sha256;  // hex
  uint64_t size = 0;
};

class Spool {
 public:
  // Reads tar or compressed tar from `fd` to its end.
  static Expected<Spool> read(int fd, const fs::path& folder, uint64_t max_bytes);
  Spool(Spool&& other) noexcept;
  Spool& operator=(Spool&&) = delete;
  ~Spool();

  // By the name in the archive; links inside it are followed. Null when there is none.
  const SpooledFile* find(const std::string& name) const;
  const SpooledFile* blob(const std::string& sha256) const { return find("blobs/sha256/" + sha256); }
  Expected<std::string> text(const std::string& name) const;  // at most 8 MiB

 private:
  explicit Spool(fs::path folder) : folder_(std::move(folder)) {}
  Status take(int fd, uint64_t max_bytes);
  fs::path folder_;
  std::map<std::string, SpooledFile> files_;
  std::map<std::string, std::string> links_;  // name -> name
};

}  // namespace gantry::oci
