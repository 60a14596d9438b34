#include "core/node/runtime/labels.hpp"

#include <charconv>

namespace gantry::node {
namespace {

// FNV-1a: the value is kept in annotations, so it must be the same in every build.
uint32_t fnv1a(uint32_t hash, std::string_view text) {
  for (const unsigned char c : text) hash = (hash ^ c) * 16777619u;
  return (hash ^ 0xffu) * 16777619u;  // an end mark: "ab"+"c" is not "a"+"bc"
}

const std::string* annotation(const cri::ContainerStatus& status, const char* key) {
  const auto found = status.annotations().find(key);
  return found == status.annotations().end() ? nullptr : &found->second;
}

}  // namespace

std::string container_hash(const corev1::Container& container) {
  char text[9];
  const auto hash = fnv1a(fnv1a(2166136261u, container.name()), container.image());
  const auto end = std::to_chars(text, text + sizeof text, hash, 16).ptr;
  return {text, end};
}

int32_t restart_count(const cri::ContainerStatus& status) {
  int32_t count = 0;
  if (const auto* text = annotation(status, labels::kRestartCount); text != nullptr) {
    std::from_chars(text->data(), text->data() + text->size(), count);
    return count;
  }
  return static_cast<int32_t>(status.metadata().attempt());
}

bool hash_matches(const cri::ContainerStatus& status, const corev1::Container& container) {
  const auto* hash = annotation(status, labels::kHash);
  return hash == nullptr || *hash == container_hash(container);
}

std::string pod_title(const corev1::Pod& pod) {
  const auto& meta = pod.metadata();
  return meta.name() + "_" + meta.namespace_() + "(" + meta.uid() + ")";
}

}  // namespace gantry::node
