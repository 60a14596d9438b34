// Owns what is told of storage. Pure, any thread.
#include "core/kinds/parts/storage_warnings.hpp"

#include <limits>

#include "core/kinds/parts/storage.hpp"
#include "gantry/quantity.hpp"

namespace gantry::kinds {
namespace {

struct OldVolume {
  std::string_view field, words;
  bool only_of_pods = false;
};

constexpr OldVolume kOldVolumes[] = {
    {"photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"},
    {"gitRepo", "deprecated in v1.11", true},
    {"scaleIO", "deprecated in v1.16, non-functional in v1.22+"},
    {"flocker", "deprecated in v1.22, non-functional in v1.25+", true},
    {"storageos", "deprecated in v1.22, non-functional in v1.25+"},
    {"quobyte", "deprecated in v1.22, non-functional in v1.25+", true},
    {"glusterfs", "deprecated in v1.25, non-functional in v1.26+"},
    {"cephfs", "deprecated in v1.28, non-functional in v1.31+"},
    {"rbd", "deprecated in v1.28, non-functional in v1.31+"},
};

// A number of bytes that is not whole, as far as thousandths say so; more of them than there are numbers count as
// whole.
bool is_fraction(const sdk::Quantity& amount) {
  const int64_t milli = amount.milli_value();
  return milli != std::numeric_limits<int64_t>::max() && milli % 1000 != 0;
}

}  // namespace

void warn_fraction(const JsonObject& amounts, std::string_view key, const At& at, std::string_view list,
                   Warnings& warnings) {
  const std::string_view text = get_text(amounts, key);
  if (text.empty()) return;
  const auto amount = sdk::Quantity::parse(text);
  if (!amount || !is_fraction(*amount)) return;
  warnings.add(at.key(list, key), "",
               "fractional byte value " + schema::quoted(text) + " is invalid, must be an integer");
}

void warn_claim_spec(const JsonObject& spec, const At& at, Warnings& warnings) {
  const JsonObject& resources = object_at(spec, "resources");
  const At here = at.child("resources");
  for (const std::string_view list : {"requests", "limits"}) {
    warn_fraction(object_at(resources, list), "storage", here, list, warnings);
  }
}

void warn_class_annotation(const JsonObject& object, Warnings& warnings) {
  const JsonObject& metadata = object_at(object, "metadata");
  if (!object_at(metadata, "annotations").contains(kClassAnnotation)) return;
  const At root, here = root.child("metadata");
  warnings.add(here.key("annotations", kClassAnnotation), "",
               "deprecated since v1.8; use \"storageClassName\" attribute instead");
}

void warn_old_volume(const JsonObject& source, const At& at, bool of_pod, Warnings& warnings) {
  for (const auto& old : kOldVolumes) {
    if (old.only_of_pods && !of_pod) continue;
    if (get(source, old.field) == nullptr) continue;
    // Upstream's path has its Go name.
    warnings.add(at, old.field == "storageos" ? std::string_view("storageOS") : old.field, old.words);
  }
}

}  // namespace gantry::kinds
