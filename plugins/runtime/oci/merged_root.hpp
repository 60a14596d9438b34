// The root of an image while one of its layers is unpacked: what the layer has so far, over the layers below it.
//
// Paths are followed as a process in a chroot would: links of any layer, absolute ones and "..", can't leave the root.
// Nothing is made or changed but below the layer's own folder. What is below is only read, and nothing else may change
// any of the folders meanwhile. One thread.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <vector>

#include "files.hpp"

namespace gantry::oci {

// By errno: 400 for what an archive asked for and can't have, the host's own troubles (a full disk) as they are.
Status unpack_error(const std::string& what);
bool is_whiteout(const struct stat& info);
// Marks a folder of a layer: nothing of the layers below shines through.
Status make_opaque(int folder);

// Times for folders, given last: what is put into a folder changes them. Kept in a file without a name, for a layer may
// have millions of folders.
class FolderTimes {
 public:
  static Expected<FolderTimes> create(const fs::path& beside);
  Status add(const std::string& path, const struct timespec& modified);
  void apply(int root);

 private:
  explicit FolderTimes(Fd file) : file_(std::move(file)) {}
  Status flush();
  Fd file_;
  std::string waiting_;
};

class MergedRoot {
 public:
  // `below`: from the lowest to the highest.
  static Expected<MergedRoot> open(const fs::path& own, const std::vector<fs::path>& below);

  int own() const { return own_.get(); }
  FolderTimes& times() { return times_; }
  // True once an answer came from the layers below, or could have: on other layers, this one would look otherwise.
  bool looked_below() const { return looked_below_; }

  struct Folder {
    std::string path;  // from the root, without links; "" is the root
    Fd fd;             // in the layer's own folder
  };
  // Of the layer, made with all above it where it is missing: like the one below if there is one, else root's, 0755.
  // 400 when `path` passes through a file, too many links or folders; 413 when all calls together cost too much.
  Expected<Folder> folder(const std::string& path);

  // What the layers below show as `name` in a folder, unless the layer hides the folder: an O_PATH descriptor, or none.
  Expected<Fd> below(const std::string& folder, const std::string& name);
  // The layers' own folders that a folder of the image is made of, highest first.
  Expected<std::vector<Fd>> folders_below(const std::string& folder);
  // After a folder of the layer was hidden or removed.
  void forget() { shown_.clear(); }

 private:
  MergedRoot(Fd own, std::vector<Fd> below, FolderTimes times)
      : own_(std::move(own)), below_(std::move(below)), times_(std::move(times)) {}
  struct Walk;
  Expected<std::string> resolve(const std::string& path);
  Expected<Fd> look(const Walk& walk, const std::string& name);
  Expected<Fd> step(const std::string& parent, int at, const std::string& name);
  Expected<std::vector<size_t>> shown(const std::string& folder);
  Expected<Fd> open_in(int root, const std::string& path);

  Fd own_;
  std::vector<Fd> below_;
  FolderTimes times_;
  std::map<std::string, std::vector<size_t>> shown_;  // a few: which layers a folder is made of
  uint64_t lookups_ = 0;
  bool looked_below_ = false;
};

}  // namespace gantry::oci
