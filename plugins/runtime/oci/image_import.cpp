#include "image_import.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>

#include "digest.hpp"
#include "json.hpp"
#include "layer.hpp"
#include "mounts.hpp"
#include "platform.hpp"
#include "reference.hpp"
#include "spool.hpp"

namespace gantry::oci {

namespace json = boost::json;

namespace {

constexpr int kMaxIndexDepth = 4;

constexpr size_t kMaxManifests = 1000;
constexpr size_t kMaxDocument = 4u << 20;

Platform platform_in(const json::value& of) {
  return {text_in(of, "os"), text_in(of, "architecture"), text_in(of, "variant")};
}

// One image found in the archive, before its layers are unpacked.
struct Found {
  std::vector<std::string> names;  // as the archive has them
  std::string manifest_digest;     // "sha256:..." of OCI archives
  const SpooledFile* config = nullptr;
  std::vector<const SpooledFile*> layers;
  int fit = 0;  // how well it suits this machine; 0 is best
};

}  // namespace

// Befriended by the store.
class Import {
 public:
  static Expected<std::vector<ImageStore::Imported>> from(ImageStore& store, int archive, const std::string& name) {
    struct stat info {};
    // Of a pipe or device nobody knows when it ends, or whether it ever says something.
    if (::fstat(archive, &info) < 0 || !S_ISREG(info.st_mode))
      return Status::bad_request("the image archive is not a regular file");
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
    if (found_.empty() && !unfit_.empty()) return Status::bad_request(unfit_);
    if (found_.empty()) return Status::bad_request("the archive holds no image for " + machine_.text());
    // All that can be known beforehand is, so that an archive is taken as a whole or not at all.
    std::vector<std::vector<Reference>> names;
    for (const auto& found : found_) {
      auto good = names_of(found);
      if (!good) return good.error();
      names.push_back(std::move(*good));
    }
    std::vector<ImageRecord> images;
    for (size_t i = 0; i < found_.size(); i++) {
      auto image = unpacked(found_[i], names[i]);
      if (!image) return image.error();
      images.push_back(std::move(*image));
    }
    std::vector<ImageStore::Imported> imported;
    for (size_t i = 0; i < found_.size(); i++) {
      for (const auto& name : names[i]) imported.push_back({name.text(), images[i].id});
    }
    if (status = store_.add(std::move(images)); !status.ok()) return status;
    return imported;
  }

  // A blob by its descriptor; digest and size must be what the descriptor says.
  Expected<const SpooledFile*> blob(const json::value& descriptor) const {
    const auto digest = text_in(descriptor, "digest");
    const auto hex = digest_hex(digest);
    if (hex.empty()) return Status::bad_request("the digest " + in_quotes(digest) + " is not a valid SHA-256");
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
    return document(**file);
  }
  static Expected<json::value> document(const SpooledFile& file) {
    const auto text = read_file(file.path, kMaxDocument);
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

  static std::string name_in(const json::value& descriptor) {
    const auto& annotations = member(descriptor, "annotations");
    auto name = text_in(annotations, "io.containerd.image.name");
    if (name.empty()) name = text_in(annotations, "org.opencontainers.image.ref.name");
    return name;
  }

  Status walk(const json::value& index, const std::string& inherited, int depth) {
    if (depth > kMaxIndexDepth) return Status::bad_request("the index nests too deeply");
    for (const auto& descriptor : list_in(index, "manifests")) {
      const auto& platform = member(descriptor, "platform");
      if (!platform.is_null() && !suits(platform_in(platform), machine_)) continue;
      if (++manifests_ > kMaxManifests)
        return Status::bad_request("the index has more than " + std::to_string(kMaxManifests) + " manifests");
      auto name = name_in(descriptor);
      if (name.empty()) name = inherited;
      const auto content = document(descriptor);
      if (!content) return content.error();
      Status status = !list_in(*content, "manifests").empty() ? walk(*content, name, depth + 1)
                                                              : manifest(*content, descriptor, name);
      if (!status.ok()) return status;
    }
    return {};
  }

  Status manifest(const json::value& content, const json::value& descriptor, const std::string& name) {
    Found found;
    found.manifest_digest = text_in(descriptor, "digest");
    const auto config = blob(member(content, "config"));
    if (!config) return config.error();
    found.config = *config;
    const auto settings = document(*found.config);
    if (!settings) return Status(settings.error()).in("image configuration");
    const auto& platform = member(descriptor, "platform");
    const auto fit = suits(platform_in(platform.is_null() ? *settings : platform), machine_);
    if (!fit) {
      unfit_ = wrong_machine(*settings);
      return {};
    }
    found.fit = *fit;
    for (const auto& part : list_in(content, "layers")) {
      if (text_in(part, "mediaType").find("nondistributable") != std::string::npos) {
        return Status::bad_request("the image has a layer that must be fetched from elsewhere");
      }
      const auto layer = blob(part);
      if (!layer) return layer.error();
      found.layers.push_back(*layer);
    }
    if (!name.empty()) found.names.push_back(name);
    add_docker_names(found);
    offer(std::move(found));
    return {};
  }

  std::string wrong_machine(const json::value& config) const {
    return "the image is for " + in_quotes(platform_in(config).text()) + ", this machine is " + machine_.text();
  }

  // Of several manifests for one name the first of those that suit best.
  void offer(Found found) {
    const auto same = std::ranges::find_if(found_, [&](const Found& other) { return other.names == found.names; });
    if (same == found_.end()) {
      found_.push_back(std::move(found));
    } else if (found.fit < same->fit) {
      *same = std::move(found);
    }
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
    if (items->size() > kMaxManifests)
      return Status::bad_request("manifest.json names more than " + std::to_string(kMaxManifests) + " images");
    for (const auto& item : *items) {
      Found found;
      found.config = spool_.find(text_in(item, "Config"));
      if (found.config == nullptr)
        return Status::bad_request("the archive lacks the configuration that manifest.json names");
      for (const auto& name : texts_in(item, "Layers")) {
        found.layers.push_back(spool_.find(name));
        if (found.layers.back() == nullptr)
          return Status::bad_request("the archive lacks the layer " + in_quotes(name));
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

  // Its layers and configuration in the store; the image itself is not yet.
  Expected<ImageRecord> unpacked(const Found& found, const std::vector<Reference>& names) {
    const auto text = read_file(found.config->path, kMaxDocument);
    if (!text) return text.error();
    const auto config = parse_json(*text);
    if (!config) return Status(config.error()).in("image configuration");
    if (!suits(platform_in(*config), machine_)) return Status::bad_request(wrong_machine(*config));
    const auto diff_ids = texts_in(member(*config, "rootfs"), "diff_ids");
    if (diff_ids.size() != found.layers.size())
      return Status::bad_request("layers and diff_ids of the image differ in number");
    if (diff_ids.size() > kMaxLayers) {
      return Status::bad_request("the image has " + std::to_string(diff_ids.size()) +
                                 " layers; overlayfs takes at most " + std::to_string(kMaxLayers));
    }
    ImageRecord image;
    image.id = "sha256:" + found.config->sha256;
    std::string chain;
    for (size_t i = 0; i < diff_ids.size(); i++) {
      const auto hex = digest_hex(diff_ids[i]);
      if (hex.empty()) return Status::bad_request("the diff id " + in_quotes(diff_ids[i]) + " is not a valid SHA-256");
      chain = i == 0 ? hex : sha256_hex("sha256:" + chain + " sha256:" + hex);
      const auto folder = unpack(*found.layers[i], hex, chain, image.layers);
      if (!folder) return folder.error();
      image.layers.push_back(*folder);
      image.size += tree_usage(store_.layer_path(*folder)).bytes;
    }
    for (const auto& name : names) {
      if (!name.tag.empty()) image.names.push_back(name.repository + ":" + name.tag);
      if (!found.manifest_digest.empty()) image.digests.push_back(name.repository + "@" + found.manifest_digest);
    }
    if (auto status = write_file_atomic(store_.folder_ / "configs" / found.config->sha256, *text); !status.ok())
      return status;
    return image;
  }

  // The folder that a layer is in: by its diff id where all images can share it, by its chain id (image-spec's name for
  // a layer with all below it) where it depends on what is below, or where this image has the other already.
  Expected<std::string> unpack(const SpooledFile& file, const std::string& diff_id, const std::string& chain_id,
                               const std::vector<std::string>& below) {
    const bool again = std::ranges::find(below, diff_id) != below.end();
    std::error_code error;
    if (fs::exists(store_.layer_path(chain_id), error)) return chain_id;
    if (!again && fs::exists(store_.layer_path(diff_id), error)) return diff_id;
    const auto temporary = store_.folder_ / "tmp" / ("layer-" + random_id());
    if (auto status = make_dirs(temporary, 0755); !status.ok()) return status;
    const auto alone = unpack_into(file, temporary, diff_id, below);
    auto folder = alone && *alone && !again ? diff_id : chain_id;
    auto status = alone ? publish_dir(temporary, store_.layer_path(folder)) : alone.error();
    if (status.ok()) return folder;
    static_cast<void>(remove_tree(temporary));
    return status;
  }

  // Whether it stands alone.
  Expected<bool> unpack_into(const SpooledFile& file, const fs::path& folder, const std::string& diff_id,
                             const std::vector<std::string>& below) const {
    std::vector<fs::path> layers;
    for (const auto& layer : below) layers.push_back(store_.layer_path(layer));
    const Fd fd(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return errno_status(file.path.string());
    const auto got = unpack_layer(fd.get(), folder, layers, store_.max_bytes_);
    if (!got) return got.error();
    if (got->diff_id != diff_id)
      return Status::bad_request("a layer unpacks to sha256:" + got->diff_id + " instead of sha256:" + diff_id);
    return got->stands_alone;
  }

  ImageStore& store_;
  const Spool& spool_;
  const std::string fallback_name_;
  const Platform machine_ = this_platform();
  std::vector<Found> found_;  // one for each name
  std::string unfit_;         // why the last manifest that was left out does not run here
  size_t manifests_ = 0;
};

Expected<std::vector<ImageStore::Imported>> import_images(ImageStore& store, int archive, const std::string& name) {
  return Import::from(store, archive, name);
}

}  // namespace gantry::oci
