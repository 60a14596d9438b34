// Image archives for tests, good and hostile ones, made in memory with libarchive.
#pragma once

#include <string>
#include <vector>

#include "files.hpp"

namespace gantry::oci::test {

struct Entry {
  std::string name, content;
  std::string symlink, hardlink;
  int mode = 0755;
  char type = 'f';  // f file, d folder, l symlink, h hard link, c character device 5:1
  int uid = 0, gid = 0;
};
inline Entry folder(const std::string& name, int mode = 0755, int uid = 0) {
  return {name, {}, {}, {}, mode, 'd', uid, uid};
}
inline Entry link(const std::string& name, const std::string& to) { return {name, {}, to, {}, 0777, 'l'}; }

std::string tar(const std::vector<Entry>& entries, bool gzip = false);
// One file of that many bytes, all of it holes but for some single bytes, spread evenly.
std::string sparse_tar(const std::string& name, int64_t size, int64_t bytes = 1);
// A folder, /bin/busybox with links for the applets named, passwd and group.
std::vector<Entry> busybox_entries();

struct ImageSpec {
  std::string name = "gantry.local/busybox:1.36";
  std::vector<std::string> layers;  // uncompressed tars
  std::vector<std::string> command = {"/bin/sh"}, entrypoint, environment;
  std::string user, stop_signal, working_dir;
  std::vector<std::string> volumes;
  std::string variant;  // of the platform
  bool gzip_layers = false;
};
// The files of an OCI layout by name; a test may spoil them before packing.
std::vector<Entry> oci_layout(const ImageSpec& image);
// One index of that name with a manifest for each image, which have no names of their own.
std::vector<Entry> index_layout(const std::string& name, const std::vector<ImageSpec>& images);
std::vector<Entry> docker_layout(const ImageSpec& image);
ImageSpec busybox_image();

// An open, unlinked file with this content, at its start.
Fd memory_file(const std::string& content);

}  // namespace gantry::oci::test
