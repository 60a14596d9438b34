// downwardAPI: what the pod says of itself, a file each.
#include "core/node/volumes/volume_files.hpp"

namespace gantry::node::volume_kinds::downward_api {
namespace {

template <typename Source>
Status add(const VolumeTask& task, const Source& source, int32_t mode, ProjectedFiles& files) {
  for (const auto& item : source.items()) {
    auto value = item.has_field_ref() ? field_value(task.pod, item.field_ref().field_path(), task.facts)
                                      : resource_value(task.pod, item.resource_field_ref(), {}, task.facts);
    if (!value) return std::move(value).error();
    files[item.path()] = {*std::move(value), static_cast<mode_t>(item.has_mode() ? item.mode() : mode)};
  }
  return {};
}

Status set_up(const VolumeSetUp& task) {
  const auto& source = task.source().downward_api();
  ProjectedFiles files;
  if (auto added = add(task, source, default_mode(source), files); !added.ok()) return added;
  return show_files(task, std::move(files), false);
}

Status project(const VolumeTask& task, const corev1::VolumeProjection& source, int32_t mode, ProjectedFiles& files) {
  return add(task, source.downward_api(), mode, files);
}

}  // namespace

VolumeKind kind() {
  return {.is = [](const corev1::VolumeSource& source) { return source.has_downward_api(); },
          .folder = "kubernetes.io~downward-api",
          .read_only = true,
          .set_up = set_up,
          .is_projected = [](const corev1::VolumeProjection& source) { return source.has_downward_api(); },
          .project = project};
}

}  // namespace gantry::node::volume_kinds::downward_api
