// Owns what is told of a volume's files whose paths overlap. Pure, any thread.
#include <set>

#include "core/kinds/parts/pod_warnings.hpp"

namespace gantry::kinds {
namespace {

// Paths of one volume, normalised. Of those that overlap with one that was added before, the first is named.
class PathSet {
 public:
  // `sorted`: of both, the one that comes later is named first.
  void add(std::string_view path, const std::string& words, Warnings& warnings, bool sorted = false) {
    while (path.ends_with('/')) path.remove_suffix(1);
    if (warnings.full() || path.empty()) return;
    if (const auto* found = overlap(path)) {
      const std::string_view other = *found;
      const bool turn = sorted && path < other;
      warnings.add(words + ": " + schema::quoted(turn ? other : path) + " with " + schema::quoted(turn ? path : other));
    }
    paths_.emplace(path);
  }

 private:
  // The same path, one above it, or one below.
  const std::string* overlap(std::string_view path) const {
    for (size_t end = path.size(); end != std::string_view::npos && end > 0; end = path.rfind('/', end - 1)) {
      const auto found = paths_.find(path.substr(0, end));
      if (found != paths_.end()) return &*found;
    }
    const std::string below = std::string(path) + "/";
    const auto next = paths_.lower_bound(below);
    return next != paths_.end() && next->starts_with(below) ? &*next : nullptr;
  }

  std::set<std::string, std::less<>> paths_;
};

std::vector<std::string_view> paths_of(const JsonObject& source) {
  std::vector<std::string_view> paths;
  each(source, "items", [&](const JsonObject& item) { paths.push_back(get_text(item, "path")); });
  return paths;
}

// What a source of a projected volume puts where, and how it is called.
struct ProjectedSource {
  std::string name;
  std::vector<std::string_view> paths;
};

ProjectedSource projected_source(const JsonObject& source) {
  if (const JsonObject* map = get_object(source, "configMap"); map != nullptr && has_items(*map, "items")) {
    return {"ConfigMap " + schema::quoted(get_text(*map, "name")), paths_of(*map)};
  }
  if (const JsonObject* secret = get_object(source, "secret"); secret != nullptr && has_items(*secret, "items")) {
    return {"Secret " + schema::quoted(get_text(*secret, "name")), paths_of(*secret)};
  }
  if (const JsonObject* pod = get_object(source, "downwardAPI"); pod != nullptr && has_items(*pod, "items")) {
    return {"DownwardAPI", paths_of(*pod)};
  }
  if (const JsonObject* token = get_object(source, "serviceAccountToken")) {
    return {"ServiceAccountToken", {get_text(*token, "path")}};
  }
  if (const JsonObject* bundle = get_object(source, "clusterTrustBundle")) {
    const bool named = get(*bundle, "name") != nullptr;
    return {"ClusterTrustBundle " + schema::quoted(get_text(*bundle, named ? "name" : "signerName")),
            {get_text(*bundle, "path")}};
  }
  return {};
}

void warn_projected(const JsonObject& projected, const std::string& volume, Warnings& warnings) {
  PathSet all;
  each(projected, "sources", [&](const JsonObject& given) {
    if (warnings.full()) return;
    if (given.empty()) return warnings.add(volume + " (Projected) has no sources provided");
    const ProjectedSource source = projected_source(given);
    const std::string words = volume + " (Projected " + source.name + "): overlapping paths";
    PathSet own;
    for (const auto path : source.paths) own.add(path, words, warnings);
    const std::set<std::string_view> once(source.paths.begin(), source.paths.end());
    for (const auto path : once) all.add(path, words, warnings, true);
  });
}

}  // namespace

void warn_volume_paths(const JsonObject& spec, Warnings& warnings) {
  each(spec, "volumes", [&](const JsonObject& volume) {
    const auto name = [&] { return "volume " + schema::quoted(get_text(volume, "name")); };
    // `by`: the field that says which object it is.
    const auto listed = [&](std::string_view key, std::string_view what, std::string_view by) {
      const JsonObject* source = get_object(volume, key);
      if (source == nullptr || !has_items(*source, "items")) return;
      std::string words = name().append(" (").append(what);
      if (!by.empty()) words.append(" ").append(schema::quoted(get_text(*source, by)));
      words += "): overlapping paths";
      PathSet paths;
      for (const auto path : paths_of(*source)) paths.add(path, words, warnings);
    };
    if (warnings.full()) return;
    listed("configMap", "ConfigMap", "name");
    listed("secret", "Secret", "secretName");
    listed("downwardAPI", "DownwardAPI", "");
    if (const JsonObject* projected = get_object(volume, "projected")) warn_projected(*projected, name(), warnings);
  });
}

}  // namespace gantry::kinds
