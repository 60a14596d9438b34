#include "test_image.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <sys/mman.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "digest.hpp"

namespace gantry::oci::test {

namespace json = boost::json;

namespace {

la_ssize_t append(struct archive*, void* into, const void* data, size_t size) {
  static_cast<std::string*>(into)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

std::string architecture() {
#if defined(__x86_64__)
  return "amd64";
#else
  return "arm64";
#endif
}

json::array texts(const std::vector<std::string>& all) { return json::array(all.begin(), all.end()); }

std::string config_of(const ImageSpec& image) {
  json::array diff_ids;
  for (const auto& layer : image.layers) diff_ids.emplace_back("sha256:" + sha256_hex(layer));
  json::object volumes;
  for (const auto& volume : image.volumes) volumes[volume] = json::object();
  const json::object config = {{"architecture", architecture()},
                               {"os", "linux"},
                               {"variant", image.variant},
                               {"config",
                                {{"Cmd", texts(image.command)},
                                 {"Entrypoint", texts(image.entrypoint)},
                                 {"Env", texts(image.environment)},
                                 {"User", image.user},
                                 {"StopSignal", image.stop_signal},
                                 {"Volumes", std::move(volumes)},
                                 {"WorkingDir", image.working_dir}}},
                               {"rootfs", {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}}}};
  return json::serialize(config);
}

std::string gzip(const std::string& bytes) {
  std::string out;
  auto* a = archive_write_new();
  archive_write_set_format_raw(a);
  archive_write_add_filter_gzip(a);
  archive_write_open(a, &out, nullptr, &append, nullptr);
  auto* e = archive_entry_new();
  archive_entry_set_filetype(e, AE_IFREG);
  archive_write_header(a, e);
  archive_write_data(a, bytes.data(), bytes.size());
  archive_entry_free(e);
  archive_write_close(a);
  archive_write_free(a);
  return out;
}

json::object descriptor(const std::string& type, const std::string& bytes) {
  return {{"mediaType", type}, {"digest", "sha256:" + sha256_hex(bytes)}, {"size", bytes.size()}};
}

}  // namespace

std::string tar(const std::vector<Entry>& entries, bool compressed) {
  std::string out;
  auto* a = archive_write_new();
  archive_write_set_format_pax_restricted(a);
  if (compressed) archive_write_add_filter_gzip(a);
  archive_write_open(a, &out, nullptr, &append, nullptr);
  for (const auto& entry : entries) {
    auto* e = archive_entry_new();
    archive_entry_set_pathname(e, entry.name.c_str());
    archive_entry_set_perm(e, static_cast<mode_t>(entry.mode));
    archive_entry_set_uid(e, entry.uid);
    archive_entry_set_gid(e, entry.gid);
    archive_entry_set_mtime(e, 1700000000, 0);
    archive_entry_set_filetype(e, entry.type == 'd'   ? AE_IFDIR
                                  : entry.type == 'l' ? AE_IFLNK
                                  : entry.type == 'c' ? AE_IFCHR
                                                      : AE_IFREG);
    if (entry.type == 'l') archive_entry_set_symlink(e, entry.symlink.c_str());
    if (entry.type == 'h') archive_entry_set_hardlink(e, entry.hardlink.c_str());
    if (entry.type == 'c') {
      archive_entry_set_rdevmajor(e, 5);
      archive_entry_set_rdevminor(e, 1);
    }
    archive_entry_set_size(e, entry.type == 'f' ? static_cast<la_int64_t>(entry.content.size()) : 0);
    archive_write_header(a, e);
    if (entry.type == 'f') archive_write_data(a, entry.content.data(), entry.content.size());
    archive_entry_free(e);
  }
  archive_write_close(a);
  archive_write_free(a);
  return out;
}

std::string sparse_tar(const std::string& name, int64_t size, int64_t bytes) {
  std::string out;
  auto* a = archive_write_new();
  archive_write_set_format_pax(a);
  archive_write_open(a, &out, nullptr, &append, nullptr);
  auto* e = archive_entry_new();
  archive_entry_set_pathname(e, name.c_str());
  archive_entry_set_perm(e, 0644);
  archive_entry_set_filetype(e, AE_IFREG);
  archive_entry_set_size(e, size);
  for (int64_t i = 0; i < bytes; i++) archive_entry_sparse_add_entry(e, i * (size / bytes), 1);
  archive_write_header(a, e);
  archive_write_data(a, "x", 1);  // libarchive adds zeros for what is not given
  archive_entry_free(e);
  archive_write_close(a);
  archive_write_free(a);
  return out;
}

std::vector<Entry> busybox_entries() {
  std::vector<Entry> entries;
  for (const auto* folder : {"bin", "etc", "root"}) entries.push_back({folder, {}, {}, {}, 0755, 'd'});
  entries.push_back({"tmp", {}, {}, {}, 01777, 'd'});
  const auto busybox = read_file("/usr/bin/busybox");
  entries.push_back({"bin/busybox", busybox ? *busybox : std::string()});
  for (const auto* applet : {"sh",    "sleep", "echo",  "cat",   "id",   "env",  "hostname", "ls",   "true",
                             "false", "kill",  "mkdir", "touch", "head", "test", "tr",       "stty", "mount",
                             "wget",  "grep",  "pwd",   "dd",    "tail", "ps",   "readlink"}) {
    entries.push_back({std::string("bin/") + applet, {}, "busybox", {}, 0777, 'l'});
  }
  entries.push_back(
      {"etc/passwd", "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/tmp:/bin/sh\n", {}, {}, 0644});
  entries.push_back({"etc/group", "root:x:0:\nuser:x:1000:\nextra:x:2000:user\n", {}, {}, 0644});
  return entries;
}

ImageSpec busybox_image() {
  ImageSpec image;
  image.layers = {tar(busybox_entries())};
  image.environment = {"PATH=/bin", "FROM_IMAGE=yes"};
  return image;
}

std::vector<Entry> index_layout(const std::string& name, const std::vector<ImageSpec>& images) {
  std::vector<Entry> files;
  json::array manifests;
  for (const auto& image : images) {
    auto one = oci_layout(image);
    one.pop_back();  // oci-layout
    auto index = json::parse(one.back().content);
    one.pop_back();
    auto& manifest = index.as_object()["manifests"].as_array()[0].as_object();
    manifest["platform"] = json::object{{"os", "linux"}, {"architecture", architecture()}, {"variant", image.variant}};
    manifests.push_back(manifest);
    files.insert(files.end(), one.begin(), one.end());
  }
  const auto inner = json::serialize(json::object{{"schemaVersion", 2}, {"manifests", std::move(manifests)}});
  files.push_back({"blobs/sha256/" + sha256_hex(inner), inner, {}, {}, 0644});
  auto top = descriptor("application/vnd.oci.image.index.v1+json", inner);
  top["annotations"] = json::object{{"io.containerd.image.name", name}};
  files.push_back({"index.json", json::serialize(json::object{{"schemaVersion", 2}, {"manifests", json::array{top}}})});
  return files;
}

std::vector<Entry> oci_layout(const ImageSpec& image) {
  const auto config = config_of(image);
  std::vector<Entry> files;
  const auto blob = [&](const std::string& bytes) {
    files.push_back({"blobs/sha256/" + sha256_hex(bytes), bytes, {}, {}, 0644});
  };
  json::array layers;
  for (const auto& layer : image.layers) {
    const auto packed = image.gzip_layers ? gzip(layer) : layer;
    layers.push_back(
        descriptor(std::string("application/vnd.oci.image.layer.v1.tar") + (image.gzip_layers ? "+gzip" : ""), packed));
    blob(packed);
  }
  const auto manifest =
      json::serialize(json::object{{"schemaVersion", 2},
                                   {"config", descriptor("application/vnd.oci.image.config.v1+json", config)},
                                   {"layers", std::move(layers)}});
  blob(config);
  blob(manifest);
  auto top = descriptor("application/vnd.oci.image.manifest.v1+json", manifest);
  if (!image.name.empty()) top["annotations"] = json::object{{"org.opencontainers.image.ref.name", image.name}};
  files.push_back({"index.json",
                   json::serialize(json::object{{"schemaVersion", 2}, {"manifests", json::array{top}}}),
                   {},
                   {},
                   0644});
  files.push_back({"oci-layout", R"({"imageLayoutVersion":"1.0.0"})", {}, {}, 0644});
  return files;
}

std::vector<Entry> docker_layout(const ImageSpec& image) {
  const auto config = config_of(image);
  std::vector<Entry> files;
  json::array layers;
  for (size_t i = 0; i < image.layers.size(); i++) {
    const auto name = std::to_string(i) + "/layer.tar";
    layers.emplace_back(name);
    files.push_back({name, image.layers[i], {}, {}, 0644});
  }
  files.push_back({sha256_hex(config) + ".json", config, {}, {}, 0644});
  const json::object entry = {
      {"Config", sha256_hex(config) + ".json"}, {"RepoTags", json::array{image.name}}, {"Layers", std::move(layers)}};
  files.push_back({"manifest.json", json::serialize(json::array{entry}), {}, {}, 0644});
  return files;
}

Fd memory_file(const std::string& content) {
  Fd fd(::memfd_create("archive", MFD_CLOEXEC));
  for (size_t done = 0; done < content.size();) {
    const auto n = ::write(fd.get(), content.data() + done, content.size() - done);
    if (n <= 0) return {};
    done += static_cast<size_t>(n);
  }
  ::lseek(fd.get(), 0, SEEK_SET);
  return fd;
}

}  // namespace gantry::oci::test
