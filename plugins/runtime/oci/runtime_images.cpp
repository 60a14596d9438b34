// Images, in CRI's words.
#include <algorithm>
#include <charconv>

#include "runtime.hpp"

namespace gantry::oci {
namespace {

cri::Image to_image(const ImageRecord& record, const ImageConfig& config) {
  cri::Image out;
  out.set_id(record.id);
  for (const auto& name : record.names) out.add_repo_tags(name);
  for (const auto& digest : record.digests) out.add_repo_digests(digest);
  out.set_size(std::max<uint64_t>(record.size, 1));
  const auto user = config.user.substr(0, config.user.find(':'));
  int64_t uid = 0;
  const auto [at, error] = std::from_chars(user.data(), user.data() + user.size(), uid);
  if (error == std::errc() && at == user.data() + user.size()) {
    out.mutable_uid()->set_value(uid);
  } else {
    out.set_username(user);
  }
  out.mutable_spec()->set_image(record.id);
  return out;
}

}  // namespace

Expected<cri::ListImagesResponse> Runtime::list_images(const cri::ListImagesRequest& request) {
  cri::ListImagesResponse out;
  const auto& wanted = request.filter().image().image();
  std::vector<ImageRecord> images;
  if (wanted.empty()) {
    images = images_->list();
  } else if (auto image = images_->find(wanted)) {
    images.push_back(std::move(*image));
  }
  for (const auto& image : images) {
    const auto config = images_->config(image);
    *out.add_images() = to_image(image, config ? *config : ImageConfig());
  }
  return out;
}

Expected<cri::ImageStatusResponse> Runtime::image_status(const cri::ImageStatusRequest& request) {
  cri::ImageStatusResponse out;
  const auto image = images_->find(request.image().image());
  if (!image) return out;
  const auto config = images_->config(*image);
  if (!config) return config.error();
  *out.mutable_image() = to_image(*image, *config);
  if (request.verbose()) {
    const auto text = images_->config_text(*image);
    if (!text) return text.error();
    (*out.mutable_info())["config"] = *text;
  }
  return out;
}

Expected<cri::PullImageResponse> Runtime::pull_image(const cri::PullImageRequest& request) {
  const auto image = images_->find(request.image().image());
  if (!image) {
    return Status::not_found("image \"" + request.image().image() +
                             "\" is not on this node, and this runtime does not pull: import it");
  }
  cri::PullImageResponse out;
  out.set_image_ref(image->id);
  return out;
}

Expected<cri::RemoveImageResponse> Runtime::remove_image(const cri::RemoveImageRequest& request) {
  if (auto status = images_->remove(request.image().image()); !status.ok()) return status;
  return cri::RemoveImageResponse();
}

Expected<cri::ImportImageResponse> Runtime::import_image(int archive, const cri::ImportImageRequest& request) {
  const auto imported = images_->import(archive, request.name());
  if (!imported) return imported.error();
  cri::ImportImageResponse out;
  for (const auto& image : *imported) {
    out.add_names(image.name);
    out.add_ids(image.id);
  }
  return out;
}

}  // namespace gantry::oci
