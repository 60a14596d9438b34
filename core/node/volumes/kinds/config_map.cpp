// configMap: the data of a ConfigMap, a file a key.
#include "core/node/volumes/volume_files.hpp"

namespace gantry::node::volume_kinds::config_map {
namespace {

template <typename Source>
Status add(const VolumeTask& task, const Source& source, int32_t mode, ProjectedFiles& files) {
  Entries entries{{}, "configmap references non-existent config key: "};
  const auto map = task.objects.config_map(task.ns(), source.local_object_reference().name());
  if (map) {
    entries.content.insert(map->data().begin(), map->data().end());
    entries.content.insert(map->binary_data().begin(), map->binary_data().end());
  } else if (map.error().code() != 404 || !source.optional()) {
    return map.error();
  }
  return add_entries(files, entries, source, mode);
}

Status set_up(const VolumeSetUp& task) {
  const auto& source = task.source().config_map();
  ProjectedFiles files;
  if (auto added = add(task, source, default_mode(source), files); !added.ok()) return added;
  return show_files(task, std::move(files), false);
}

Status project(const VolumeTask& task, const corev1::VolumeProjection& source, int32_t mode, ProjectedFiles& files) {
  return add(task, source.config_map(), mode, files);
}

}  // namespace

VolumeKind kind() {
  return {.is = [](const corev1::VolumeSource& source) { return source.has_config_map(); },
          .folder = "kubernetes.io~configmap",
          .read_only = true,
          .set_up = set_up,
          .is_projected = [](const corev1::VolumeProjection& source) { return source.has_config_map(); },
          .project = project};
}

}  // namespace gantry::node::volume_kinds::config_map
