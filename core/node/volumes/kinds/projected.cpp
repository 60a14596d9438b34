// projected: the files of several sources in one folder; a later one wins over an earlier one.
#include "core/node/volumes/volume_files.hpp"

namespace gantry::node::volume_kinds::projected {
namespace {

Status set_up(const VolumeSetUp& task) {
  const auto& source = task.source().projected();
  ProjectedFiles files;
  bool secret = false;
  for (const auto& part : source.sources()) {
    const auto kind = find_projection(part);
    if (!kind) return kind.error();
    if (auto added = (*kind)->project(task, part, default_mode(source), files); !added.ok()) return added;
    secret = secret || (*kind)->secret;
  }
  return show_files(task, std::move(files), secret);
}

}  // namespace

VolumeKind kind() {
  return {.is = [](const corev1::VolumeSource& source) { return source.has_projected(); },
          .folder = "kubernetes.io~projected",
          .read_only = true,
          .set_up = set_up};
}

}  // namespace gantry::node::volume_kinds::projected
