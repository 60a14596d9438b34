#include "image_store.hpp"

#include <algorithm>
#include <boost/json.hpp>

#include "digest.hpp"
#include "image_import.hpp"
#include "json.hpp"
#include "reference.hpp"

namespace gantry::oci {

namespace json = boost::json;

Expected<std::unique_ptr<ImageStore>> ImageStore::open(fs::path folder, uint64_t max_bytes,
                                                       std::function<std::set<std::string>()> layers_in_use) {
  auto store = std::unique_ptr<ImageStore>(new ImageStore(std::move(folder), max_bytes, std::move(layers_in_use)));
  for (const auto* part : {"layers", "configs", "tmp"}) {
    if (auto status = make_dirs(store->folder_ / part); !status.ok()) return status;
  }
  if (auto status = store->load(); !status.ok()) return status;
  return store;
}

Status ImageStore::load() {
  const auto text = read_file(folder_ / "images.json");
  if (!text) return text.error().code() == 404 ? Status() : text.error();
  const auto document = parse_json(*text);
  if (!document) return Status(document.error()).in((folder_ / "images.json").string());
  for (const auto& item : list_in(*document, "images")) {
    ImageRecord image;
    image.id = text_in(item, "id");
    image.names = texts_in(item, "names");
    image.digests = texts_in(item, "digests");
    image.layers = texts_in(item, "layers");
    image.size = static_cast<uint64_t>(number_in(item, "size"));
    images_[image.id] = std::move(image);
  }
  return {};
}

Status ImageStore::save() const {
  json::array items;
  for (const auto& [id, image] : images_) {
    items.push_back(json::object{{"id", image.id},
                                 {"names", json::array(image.names.begin(), image.names.end())},
                                 {"digests", json::array(image.digests.begin(), image.digests.end())},
                                 {"layers", json::array(image.layers.begin(), image.layers.end())},
                                 {"size", image.size}});
  }
  return write_file_atomic(folder_ / "images.json", json::serialize(json::object{{"images", std::move(items)}}));
}

Expected<std::vector<ImageStore::Imported>> ImageStore::import(int archive, const std::string& name) {
  const std::scoped_lock lock(import_mutex_);
  auto imported = import_images(*this, archive, name);
  if (!imported) collect_locked();
  return imported;
}

Status ImageStore::add(std::vector<ImageRecord> images) {
  const std::scoped_lock lock(mutex_);
  const auto before = images_;
  for (auto& image : images) put_locked(std::move(image));
  auto status = save();
  if (!status.ok()) images_ = before;
  return status;
}

void ImageStore::put_locked(ImageRecord image) {
  // A name points to one image: the newest that was given it.
  for (auto& [id, other] : images_) {
    std::erase_if(other.names,
                  [&](const std::string& n) { return std::ranges::find(image.names, n) != image.names.end(); });
  }
  auto& kept = images_[image.id];
  for (const auto list : {&ImageRecord::names, &ImageRecord::digests}) {
    for (const auto& text : kept.*list) {
      if (std::ranges::find(image.*list, text) == (image.*list).end()) (image.*list).push_back(text);
    }
  }
  kept = std::move(image);
}

std::vector<ImageRecord> ImageStore::list() const {
  const std::scoped_lock lock(mutex_);
  std::vector<ImageRecord> all;
  for (const auto& [id, image] : images_) all.push_back(image);
  return all;
}

Expected<ImageRecord> ImageStore::find(const std::string& reference) const {
  const auto has = [](const std::vector<std::string>& all, const std::string& one) {
    return std::ranges::find(all, one) != all.end();
  };
  const auto parsed = parse_reference(reference);
  const std::scoped_lock lock(mutex_);
  const auto id = reference.starts_with("sha256:") ? reference : "sha256:" + reference;
  if (const auto it = images_.find(id); it != images_.end()) return it->second;
  if (parsed) {
    for (const auto& [key, image] : images_) {
      if (!parsed->digest.empty()
              ? has(image.digests, parsed->repository + "@" + parsed->digest) || (key == parsed->digest)
              : has(image.names, parsed->text())) {
        return image;
      }
    }
  }
  return Status::not_found("image " + in_quotes(reference) + " not found");
}

Expected<std::string> ImageStore::config_text(const ImageRecord& image) const {
  auto text = read_file(folder_ / "configs" / digest_hex(image.id));
  if (!text) return std::move(text).error().in("configuration of image " + image.id);
  return text;
}

Expected<ImageConfig> ImageStore::config(const ImageRecord& image) const {
  const auto text = config_text(image);
  if (!text) return text.error();
  const auto document = parse_json(*text);
  if (!document) return document.error();
  const auto& inner = member(*document, "config");
  ImageConfig config;
  config.entrypoint = texts_in(inner, "Entrypoint");
  config.command = texts_in(inner, "Cmd");
  config.environment = texts_in(inner, "Env");
  config.working_dir = text_in(inner, "WorkingDir");
  config.user = text_in(inner, "User");
  config.stop_signal = text_in(inner, "StopSignal");
  if (const auto* volumes = member(inner, "Volumes").if_object()) {
    for (const auto& volume : *volumes) config.volumes.emplace_back(volume.key());
  }
  return config;
}

Status ImageStore::remove(const std::string& reference) {
  const auto image = find(reference);
  if (!image) return {};
  {
    const std::scoped_lock lock(mutex_);
    const auto before = images_;
    images_.erase(image->id);
    if (auto status = save(); !status.ok()) {
      images_ = before;
      return status;
    }
  }
  collect_garbage();
  return {};
}

void ImageStore::collect_garbage() {
  const std::scoped_lock importing(import_mutex_);
  collect_locked();
}

void ImageStore::collect_locked() {
  std::set<std::string> wanted = layers_in_use_(), configs;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [id, image] : images_) {
      wanted.insert(image.layers.begin(), image.layers.end());
      configs.insert(digest_hex(id));
    }
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_ / "layers", error)) {
    if (wanted.contains(entry.path().filename().string())) continue;
    // Out of sight in one step first, so that a layer that is there is always whole.
    const auto doomed = folder_ / "tmp" / ("gone-" + random_id());
    std::error_code ignored;
    fs::rename(entry.path(), doomed, ignored);
  }
  for (const auto& entry : fs::directory_iterator(folder_ / "configs", error)) {
    std::error_code ignored;
    if (!configs.contains(entry.path().filename().string())) fs::remove(entry.path(), ignored);
  }
  for (const auto& entry : fs::directory_iterator(folder_ / "tmp", error)) static_cast<void>(remove_tree(entry.path()));
}

}  // namespace gantry::oci
