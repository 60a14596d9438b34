// Content negotiation. Pure, any thread.
#include "core/apiserver/request/negotiate.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "core/http/message/http_text.hpp"

namespace gantry::apiserver {
namespace {

// More than anybody has reason to send.
constexpr size_t kMostRanges = 64;

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string_view next_part(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = trim(rest.substr(0, end));
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

struct Range {
  std::string_view type, as, group, version;
  double quality = 1;
};

// A weight as it is written; what is none counts as 1.
double quality_of(std::string_view text) {
  double value = 1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0 && value <= 1 ? value : 1;
}

// How little a range says: of equal weight, the one that says more comes first.
int wildness(std::string_view type) { return type.starts_with("*/") ? 2 : type.ends_with("/*") ? 1 : 0; }

bool same_word(std::string_view a, std::string_view b) { return http::equals_ignoring_case(a, b); }

Range parse_range(std::string_view text) {
  Range range;
  range.type = next_part(text, ';');
  while (!text.empty()) {
    auto parameter = next_part(text, ';');
    const auto key = next_part(parameter, '=');
    if (same_word(key, "as")) range.as = parameter;
    if (same_word(key, "g")) range.group = parameter;
    if (same_word(key, "v")) range.version = parameter;
    if (same_word(key, "q")) range.quality = quality_of(parameter);
  }
  return range;
}

// What is asked for, the best first; what is refused is left out.
std::vector<Range> ranges_of(std::string_view accept) {
  std::vector<Range> out;
  while (!accept.empty() && out.size() < kMostRanges) {
    const auto range = parse_range(next_part(accept, ','));
    if (range.quality > 0) out.push_back(range);
  }
  std::stable_sort(out.begin(), out.end(), [](const Range& a, const Range& b) {
    return a.quality != b.quality ? a.quality > b.quality : wildness(a.type) < wildness(b.type);
  });
  return out;
}

std::optional<schema::Media> media_named(std::string_view type) {
  if (type == "*/*" || same_word(type, "application/json") || same_word(type, "application/*")) {
    return schema::Media::kJson;
  }
  if (same_word(type, "application/vnd.kubernetes.protobuf")) return schema::Media::kProtobuf;
  if (same_word(type, "application/yaml")) return schema::Media::kYaml;
  return std::nullopt;
}

}  // namespace

Expected<Form> negotiate(std::string_view accept) {
  if (trim(accept).empty()) return Form{};
  for (const auto& range : ranges_of(accept)) {
    const auto media = media_named(range.type);
    if (!media) continue;
    Form form{*media, As::kObject};
    if (range.as.empty()) return form;
    if (range.group != "meta.k8s.io" || range.version != "v1") continue;
    if (range.as == "Table" && *media != schema::Media::kProtobuf) {
      form.as = As::kTable;
      return form;
    }
    if (range.as == "PartialObjectMetadata" || range.as == "PartialObjectMetadataList") {
      form.as = As::kPartial;
      return form;
    }
  }
  return Status::not_acceptable(
      "only the following media types are accepted: application/json, application/yaml, "
      "application/vnd.kubernetes.protobuf");
}

std::string_view content_type(schema::Media media) {
  switch (media) {
    case schema::Media::kYaml:
      return "application/yaml";
    case schema::Media::kProtobuf:
      return "application/vnd.kubernetes.protobuf";
    default:
      return "application/json";
  }
}

}  // namespace gantry::apiserver
