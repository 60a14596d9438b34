// secret: the data of a Secret, a file a key, in memory.
#include "core/node/volumes/volume_files.hpp"

namespace gantry::node::volume_kinds::secret {
namespace {

template <typename Source>
Status add(const VolumeTask& task, const std::string& name, const Source& source, int32_t mode, ProjectedFiles& files) {
  Entries entries{{}, "references non-existent secret key: "};
  const auto secret = task.objects.secret(task.ns(), name);
  if (secret)
    entries.content.insert(secret->data().begin(), secret->data().end());
  else if (secret.error().code() != 404 || !source.optional())
    return secret.error();
  return add_entries(files, entries, source, mode);
}

Status set_up(const VolumeSetUp& task) {
  const auto& source = task.source().secret();
  ProjectedFiles files;
  auto added = add(task, source.secret_name(), source, default_mode(source), files);
  return added.ok() ? show_files(task, std::move(files), true) : added;
}

Status project(const VolumeTask& task, const corev1::VolumeProjection& source, int32_t mode, ProjectedFiles& files) {
  return add(task, source.secret().local_object_reference().name(), source.secret(), mode, files);
}

}  // namespace

VolumeKind kind() {
  return {.is = [](const corev1::VolumeSource& source) { return source.has_secret(); },
          .folder = "kubernetes.io~secret",
          .read_only = true,
          .set_up = set_up,
          .is_projected = [](const corev1::VolumeProjection& source) { return source.has_secret(); },
          .project = project,
          .secret = true};
}

}  // namespace gantry::node::volume_kinds::secret
