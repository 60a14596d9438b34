// Collects the files of a volume from its sources; a later source wins over an earlier one.
#include "core/node/volumes/volume_content.hpp"

#include <algorithm>
#include <optional>

namespace gantry::node {
namespace {

constexpr int32_t kDefaultMode = 0644;

struct Payload {
  std::map<std::string, std::string> entries;
  std::string missing_key;  // how a missing key is told of
};

// A source's entries, chosen and renamed by its items.
template <typename Items>
Status add_entries(ProjectedFiles& files, const Payload& payload, const Items& items, int32_t mode, bool optional) {
  if (items.empty()) {
    for (const auto& [key, content] : payload.entries) files[key] = {content, static_cast<mode_t>(mode)};
    return {};
  }
  for (const auto& item : items) {
    const auto it = payload.entries.find(item.key());
    if (it != payload.entries.end()) {
      files[item.path()] = {it->second, static_cast<mode_t>(item.has_mode() ? item.mode() : mode)};
    } else if (!optional) {
      return Status::not_found(payload.missing_key + item.key());
    }
  }
  return {};
}

template <typename Items>
Status add_config_map(ProjectedFiles& files, const std::string& ns, const std::string& name, const Items& items,
                      int32_t mode, bool optional, ObjectCache& objects) {
  Payload payload{{}, "configmap references non-existent config key: "};
  auto map = objects.config_map(ns, name);
  if (map) {
    payload.entries.insert(map->data().begin(), map->data().end());
    payload.entries.insert(map->binary_data().begin(), map->binary_data().end());
  } else if (map.error().code() != 404 || !optional) {
    return std::move(map).error();
  }
  return add_entries(files, payload, items, mode, optional);
}

template <typename Items>
Status add_secret(ProjectedFiles& files, const std::string& ns, const std::string& name, const Items& items,
                  int32_t mode, bool optional, ObjectCache& objects) {
  Payload payload{{}, "references non-existent secret key: "};
  auto secret = objects.secret(ns, name);
  if (secret)
    payload.entries.insert(secret->data().begin(), secret->data().end());
  else if (secret.error().code() != 404 || !optional)
    return std::move(secret).error();
  return add_entries(files, payload, items, mode, optional);
}

template <typename Items>
Status add_downward(ProjectedFiles& files, const corev1::Pod& pod, const Items& items, int32_t mode,
                    const PodFacts& facts) {
  for (const auto& item : items) {
    auto value = item.has_field_ref() ? field_value(pod, item.field_ref().field_path(), facts)
                                      : resource_value(pod, item.resource_field_ref(), {}, facts);
    if (!value) return std::move(value).error();
    files[item.path()] = {*std::move(value), static_cast<mode_t>(item.has_mode() ? item.mode() : mode)};
  }
  return {};
}

Status add_projection(ProjectedFiles& files, const corev1::Pod& pod, const corev1::VolumeProjection& part, int32_t mode,
                      const PodFacts& facts, ObjectCache& objects) {
  const auto& ns = pod.metadata().namespace_();
  if (part.has_config_map()) {
    const auto& map = part.config_map();
    return add_config_map(files, ns, map.local_object_reference().name(), map.items(), mode, map.optional(), objects);
  }
  if (part.has_secret()) {
    const auto& secret = part.secret();
    return add_secret(files, ns, secret.local_object_reference().name(), secret.items(), mode, secret.optional(),
                      objects);
  }
  if (part.has_downward_api()) return add_downward(files, pod, part.downward_api().items(), mode, facts);
  // Nobody issues tokens yet: the file is left out and the pod starts, for most pods never look at it.
  if (part.has_service_account_token()) return {};
  return Status::invalid(part.has_cluster_trust_bundle()
                             ? "clusterTrustBundle projections are not supported by this node"
                             : "this kind of projection is not supported by this node");
}

}  // namespace

Expected<ProjectedFiles> volume_content(const corev1::Pod& pod, const corev1::VolumeSource& source,
                                        const PodFacts& facts, ObjectCache& objects) {
  ProjectedFiles files;
  Status done;
  const auto& ns = pod.metadata().namespace_();
  const auto mode_of = [](const auto& from) { return from.has_default_mode() ? from.default_mode() : kDefaultMode; };
  if (source.has_config_map()) {
    const auto& map = source.config_map();
    done = add_config_map(files, ns, map.local_object_reference().name(), map.items(), mode_of(map), map.optional(),
                          objects);
  } else if (source.has_secret()) {
    const auto& secret = source.secret();
    done = add_secret(files, ns, secret.secret_name(), secret.items(), mode_of(secret), secret.optional(), objects);
  } else if (source.has_downward_api()) {
    done = add_downward(files, pod, source.downward_api().items(), mode_of(source.downward_api()), facts);
  } else {
    for (const auto& part : source.projected().sources()) {
      done = add_projection(files, pod, part, mode_of(source.projected()), facts, objects);
      if (!done.ok()) break;
    }
  }
  if (!done.ok()) return done;
  return files;
}

bool secret_content(const corev1::VolumeSource& source) {
  const auto& parts = source.projected().sources();
  return source.has_secret() ||
         std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.has_secret(); });
}

}  // namespace gantry::node
