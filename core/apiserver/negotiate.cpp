// Content negotiation. Pure, any thread.
#include "core/apiserver/negotiate.hpp"

#include <optional>

namespace gantry::apiserver {
namespace {

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
  bool refused = false;  // q=0
};

Range parse_range(std::string_view text) {
  Range range;
  range.type = next_part(text, ';');
  while (!text.empty()) {
    auto parameter = next_part(text, ';');
    const auto key = next_part(parameter, '=');
    if (key == "as") range.as = parameter;
    if (key == "g") range.group = parameter;
    if (key == "v") range.version = parameter;
    if (key == "q" && (parameter == "0" || parameter == "0.0")) range.refused = true;
  }
  return range;
}

std::optional<schema::Media> media_named(std::string_view type) {
  if (type == "application/json" || type == "*/*" || type == "application/*") return schema::Media::kJson;
  if (type == "application/vnd.kubernetes.protobuf") return schema::Media::kProtobuf;
  if (type == "application/yaml") return schema::Media::kYaml;
  return std::nullopt;
}

}  // namespace

Expected<Form> negotiate(std::string_view accept) {
  if (trim(accept).empty()) return Form{};
  while (!accept.empty()) {
    const auto range = parse_range(next_part(accept, ','));
    const auto media = media_named(range.type);
    if (!media || range.refused) continue;
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
