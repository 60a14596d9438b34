#include "image_import.hpp"

#include <fcntl.h>
#include <sys/utsname.h>

#include <algorithm>

#include "digest.hpp"
#include "json.hpp"
#include "layer.hpp"
#include "reference.hpp"
#include "spool.hpp"

namespace gantry::oci {

namespace json = boost::json;

namespace {

constexpr int kMaxIndexDepth = 4;

std::string architecture() {
  struct utsname info {};
  ::uname(&info);
  const std::string machine = info.machine;
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine.starts_with("armv")) return "arm";
  return machine;
}

// One image found in the archive, before its layers are unpacked.
struct Found {
  std::vector<std::string> names;  // as the archive has them
  std::string manifest_digest;     // "sha256:..." of OCI archives
  const SpooledFile* config = nullptr;
  std::vector<const SpooledFile*> layers;
};

}  // namespace

// Befriended by the store.
class Import {
 public:
  static Expected<std::vector<ImageStore::Imported>> from(ImageStore& store, int archive, const std::string& name) {
    const auto spool = Spool::read(archive, store.folder_ / "tmp" / ("import-" + random_id()), store.max_bytes_);
    if (!spool) return spool.error();
    return Import(store, *spool, name).run();
  }

 private:
  Import(ImageStore& store, const Spool& spool, std::string name)
      : store_(store), spool_(spool), fallback_name_(std::move(name)) {}

  Expected<std::vector<ImageStore::Imported>> run() {
    auto status = spool_.find("index.json") != nullptr ? read_index()
                  : spool_.find("manifest.json") != nullptr
                      ? read_docker()
                      : Status::bad_request("neither an OCI archive (index.json) nor a docker archive (manifest.json)");
    if (!status.ok()) return status;
    if (found_.empty()) return Status::bad_request("the archive holds no image for linux/" + architecture());
    std::vector<ImageStore::Imported> imported;
    for (const auto& found : found_) {
      if (status = take(found, imported); !status.ok()) return status;
    }
    return imported;
  }

  // A blob by its descriptor; digest and size must be what the descriptor says.
  Expected<const SpooledFile*> blob(const json::value& descriptor) const {
    const auto digest = text_in(descriptor, "digest");
    const auto hex = digest_hex(digest);
    if (hex.empty()) return Status::bad_request("the digest \"" + digest + "\" is not a valid SHA-256");
    const auto* file = spool_.blob(hex);
    if (file == nullptr) return Status::bad_request("the archive lacks the blob " + digest);
    if (file->sha256 != hex)
      return Status::bad_request("the blob " + digest + " has another content: sha256:" + file->sha256);
    if (static_cast<int64_t>(file->size) != number_in(descriptor, "size")) {
      return Status::bad_request("the blob " + digest + " has another size than its descriptor says");
    }
    return file;
  }

  Expected<json::value> document(const json::value& descriptor) const {
    const auto file = blob(descriptor);
    if (!file) return file.error();
    const auto text = read_file((*file)->path, 8u << 20);
    if (!text) return text.error();
    return parse_json(*text);
  }

  Status read_index() {
    const auto text = spool_.text("index.json");
    if (!text) return text.error();
    const auto index = parse_json(*text);
    if (!index) return Status(index.error()).in("index.json");
    return walk(*index, {}, 0);
  }

  static bool for_this_machine(const json::value& descriptor) {
    const auto& platform = member(descriptor, "platform");
    if (platform.is_null()) return true;
    return text_in(platform, "os") == "linux" && text_in(platform, "architecture") == architecture();
  }

  static std::string name_in(const json::value& descriptor) {
    const auto& annotations = member(descriptor, "annotations");
    auto name = text_in(annotations, "io.containerd.image.name");
    if (name.empty()) name = text_in(annotations, "org.opencontainers.image.ref.name");
    return name;
  }

  Status walk(const json::value& index, const std::string& inherited, int depth) {
    if (depth > kMaxIndexDepth) return Status::bad_request("the index nests too deeply");
    for (const auto& descriptor : list_in(index, "manifests")) {
      if (!for_this_machine(descriptor)) continue;
      auto name = name_in(descriptor);
      if (name.empty()) name = inherited;
      const auto content = document(descriptor);
      if (!content) return content.error();
      Status status = !list_in(*content, "manifests").empty() ? walk(*content, name, depth + 1)
                                                              : manifest(*content, text_in(descriptor, "digest"), name);
      if (!status.ok()) return status;
    }
    return {};
  }

  Status manifest(const json::value& content, const std::string& digest, const std::string& name) {
    Found found;
    found.manifest_digest = digest;
    const auto config = blob(member(content, "config"));
    if (!config) return config.error();
    found.config = *config;
    for (const auto& descriptor : list_in(content, "layers")) {
      if (text_in(descriptor, "mediaType").find("nondistributable") != std::string::npos) {
        return Status::bad_request("the image has a layer that must be fetched from elsewhere");
      }
      const auto layer = blob(descriptor);
      if (!layer) return layer.error();
      found.layers.push_back(*layer);
    }
    if (!name.empty()) found.names.push_back(name);
    add_docker_names(found);
    found_.push_back(std::move(found));
    return {};
  }

  // Newer `docker save` writes both forms; only manifest.json then has the full names.
  void add_docker_names(Found& found) const {
    const auto text = spool_.text("manifest.json");
    if (!text) return;
    const auto list = parse_json(*text);
    const auto* items = list ? list->if_array() : nullptr;
    if (items == nullptr) return;
    for (const auto& item : *items) {
      if (spool_.find(text_in(item, "Config")) != found.config) continue;
      const auto tags = texts_in(item, "RepoTags");
      if (!tags.empty()) found.names = tags;
    }
  }

  Status read_docker() {
    const auto text = spool_.text("manifest.json");
    if (!text) return text.error();
    const auto list = parse_json(*text);
    const auto* items = list ? list->if_array() : nullptr;
    if (items == nullptr) return Status::bad_request("manifest.json is not a list");
    for (const auto& item : *items) {
      Found found;
      found.config = spool_.find(text_in(item, "Config"));
      if (found.config == nullptr)
        return Status::bad_request("the archive lacks the configuration that manifest.json names");
      for (const auto& name : texts_in(item, "Layers")) {
        found.layers.push_back(spool_.find(name));
        if (found.layers.back() == nullptr) return Status::bad_request("the archive lacks the layer " + name);
      }
      found.names = texts_in(item, "RepoTags");
      found_.push_back(std::move(found));
    }
    return {};
  }

  // Names must be complete: "1.36" alone, as some tools write it, says nothing about the repository.
  Expected<std::vector<Reference>> names_of(const Found& found) const {
    std::vector<Reference> names;
    for (const auto& text : found.names) {
      const bool tag_only = text.find('/') == std::string::npos && text.find(':') == std::string::npos;
      if (tag_only && !fallback_name_.empty()) continue;
      auto parsed = parse_reference(text);
      if (!parsed) return parsed.error();
      names.push_back(std::move(*parsed));
    }
    if (names.empty() && !fallback_name_.empty()) {
      auto parsed = parse_reference(fallback_name_);
      if (!parsed) return parsed.error();
      names.push_back(std::move(*parsed));
    }
    if (names.empty()) return Status::bad_request("the archive does not name its image; give a name");
    return names;
  }

  Status take(const Found& found, std::vector<ImageStore::Imported>& imported) {
    const auto names = names_of(found);
    if (!names) return names.error();
    const auto text = read_file(found.config->path, 8u << 20);
    if (!text) return text.error();
    const auto config = parse_json(*text);
    if (!config) return Status(config.error()).in("image configuration");
    if (text_in(*config, "os") != "linux" || text_in(*config, "architecture") != architecture()) {
      return Status::bad_request("the image is for " + text_in(*config, "os") + "/" + text_in(*config, "architecture") +
                                 ", this machine is linux/" + architecture());
    }
    const auto diff_ids = texts_in(member(*config, "rootfs"), "diff_ids");
    if (diff_ids.size() != found.layers.size())
      return Status::bad_request("layers and diff_ids of the image differ in number");
    ImageRecord image;
    image.id = "sha256:" + found.config->sha256;
    for (size_t i = 0; i < diff_ids.size(); i++) {
      const auto hex = digest_hex(diff_ids[i]);
      if (hex.empty()) return Status::bad_request("the diff id \"" + diff_ids[i] + "\" is not a valid SHA-256");
      if (auto status = unpack(*found.layers[i], hex); !status.ok()) return status;
      image.layers.push_back(hex);
      image.size += tree_usage(store_.layer_path(hex)).bytes;
    }
    for (const auto& name : *names) {
      if (!name.tag.empty()) image.names.push_back(name.repository + ":" + name.tag);
      if (!found.manifest_digest.empty()) image.digests.push_back(name.repository + "@" + found.manifest_digest);
    }
    if (auto status = write_file_atomic(store_.folder_ / "configs" / found.config->sha256, *text); !status.ok())
      return status;
    for (const auto& name : *names) imported.push_back({name.text(), image.id});
    return store_.add(std::move(image));
  }

  Status unpack(const SpooledFile& file, const std::string& diff_id) {
    const auto target = store_.layer_path(diff_id);
    std::error_code error;
    if (fs::exists(target, error)) return {};
    const auto temporary = store_.folder_ / "tmp" / ("layer-" + random_id());
    if (auto status = make_dirs(temporary, 0755); !status.ok()) return status;
    auto status = unpack_into(file, temporary, diff_id);
    if (status.ok()) status = publish_dir(temporary, target);
    if (!status.ok()) static_cast<void>(remove_tree(temporary));
    return status;
  }

  Status unpack_into(const SpooledFile& file, const fs::path& folder, const std::string& diff_id) {
    const Fd fd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return errno_status(file.path.string());
    const auto got = unpack_layer(fd.get(), folder, store_.max_bytes_);
    if (!got) return got.error();
    if (*got != diff_id)
      return Status::bad_request("a layer unpacks to sha256:" + *got + " instead of sha256:" + diff_id);
    return {};
  }

  ImageStore& store_;
  const Spool& spool_;
  const std::string fallback_name_;
  std::vector<Found> found_;
};

Expected<std::vector<ImageStore::Imported>> import_images(ImageStore& store, int archive, const std::string& name) {
  return Import::from(store, archive, name);
}

}  // namespace gantry::oci
