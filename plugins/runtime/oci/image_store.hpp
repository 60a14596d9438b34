// The images of this node: imported from archives, kept by content, unpacked once a layer and shared.
//
// On disk below its folder:
//   layers/<diff id>/      an unpacked layer; there only when complete
//   layers/<chain id>/     one that depends on those below it, or that an image has a second time
//   configs/<image id>     the image's configuration as published, whose digest is the id
//   images.json            which names point to which images; replaced atomically
//   tmp/                   what is being made; emptied at the start
// An import becomes visible with the last of these. Any thread; imports run one at a time.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "files.hpp"

namespace gantry::oci {

struct ImageRecord {
  std::string id;                    // "sha256:<digest of the configuration>"
  std::vector<std::string> names;    // "docker.io/library/busybox:1.36"
  std::vector<std::string> digests;  // "docker.io/library/busybox@sha256:<digest of the manifest>"
  std::vector<std::string> layers;   // their folders, lowest first
  uint64_t size = 0;                 // of the unpacked layers
};

// What of an image's configuration a container needs.
struct ImageConfig {
  std::vector<std::string> entrypoint, command, environment;
  std::string working_dir, user, stop_signal;
  std::vector<std::string> volumes;  // paths that are to be writable folders of each container
};

class ImageStore {
 public:
  // `layers_in_use` names the layers that containers stand on: these stay when their image goes.
  static Expected<std::unique_ptr<ImageStore>> open(fs::path folder, uint64_t max_bytes,
                                                    std::function<std::set<std::string>()> layers_in_use);

  struct Imported {
    std::string name, id;
  };
  // `name` is for an image without one of its own.
  Expected<std::vector<Imported>> import(int archive, const std::string& name);

  std::vector<ImageRecord> list() const;
  // By name (defaults are added), by name@digest, by id, with or without "sha256:".
  Expected<ImageRecord> find(const std::string& reference) const;
  Expected<ImageConfig> config(const ImageRecord& image) const;
  Expected<std::string> config_text(const ImageRecord& image) const;
  // With all its names; what is gone is success.
  Status remove(const std::string& reference);
  // Removes layers that no image and no container needs.
  void collect_garbage();

  fs::path layer_path(const std::string& layer) const { return folder_ / "layers" / layer; }

 private:
  friend class Import;
  ImageStore(fs::path folder, uint64_t max_bytes, std::function<std::set<std::string>()> layers_in_use)
      : folder_(std::move(folder)), max_bytes_(max_bytes), layers_in_use_(std::move(layers_in_use)) {}
  Status load();
  Status save() const;                          // with mutex_ held
  Status add(std::vector<ImageRecord> images);  // all or none
  void put_locked(ImageRecord image);
  void collect_locked();  // with import_mutex_ held

  const fs::path folder_;
  const uint64_t max_bytes_;
  const std::function<std::set<std::string>()> layers_in_use_;
  std::mutex import_mutex_;   // one import or collection at a time; before mutex_
  mutable std::mutex mutex_;  // images_
  std::map<std::string, ImageRecord> images_;
};

}  // namespace gantry::oci
