// Pages of stored objects. [any-thread]
#include "core/apiserver/verbs/listing.hpp"

#include <openssl/evp.h>

#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/verbs/made_list.hpp"
#include "core/apiserver/verbs/stored.hpp"
#include "core/schema/codec/codec.hpp"

namespace gantry::apiserver {
namespace {

constexpr std::string_view kTokenTooOld =
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list.";

struct Token {
  store::Revision revision = 0;
  std::string after;  // the last key, behind the list's prefix
};

}  // namespace

std::string continue_token(store::Revision revision, std::string_view after) {
  const std::string text =
      "{\"v\":\"meta.k8s.io/v1\",\"rv\":" + std::to_string(revision) + ",\"start\":" + quoted(after) + "}";
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(size));
  while (!out.empty() && out.back() == '=') out.pop_back();
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

namespace {

Status bad_token(std::string_view why) { return Status::bad_request("continue key is not valid: " + std::string(why)); }

// base64 without padding, in its form for URLs; empty: it is none.
std::string decode_base64(std::string_view text) {
  std::string padded(text);
  for (char& c : padded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  size_t padding = 0;
  for (; padded.size() % 4 != 0; ++padding) padded += '=';
  std::string out(padded.size(), '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(padded.data()), static_cast<int>(padded.size()));
  if (size < 0 || static_cast<size_t>(size) < padding) return {};
  out.resize(static_cast<size_t>(size) - padding);
  return out;
}

// A part of "." or "..", or of nothing, would lead elsewhere.
bool is_clean(std::string_view key) {
  if (key.starts_with('/')) key.remove_prefix(1);
  while (true) {
    const auto end = key.find('/');
    const auto part = key.substr(0, end);
    if (part.empty() || part == "." || part == "..") return false;
    if (end == std::string_view::npos) return true;
    key.remove_prefix(end + 1);
  }
}

Expected<Token> decode_token(std::string_view text) {
  const auto decoded = decode_base64(text);
  if (decoded.empty()) return bad_token("illegal base64 data");
  auto document = schema::parse_json(decoded);
  if (!document || !document->is_object()) return bad_token("it holds no JSON object");
  const auto version = text_at(*document, {"v"});
  if (version != "meta.k8s.io/v1") {
    return bad_token("server does not recognize this encoded version " + quoted(version));
  }
  const Json* revision = find(*document, {"rv"});
  if (revision != nullptr && !revision->is_int64()) {
    return bad_token("its rv is no number of 64 bits");
  }
  if (revision == nullptr || revision->get_int64() == 0) {
    return bad_token("incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
  }
  const std::string start(text_at(*document, {"start"}));
  if (start.empty()) return bad_token("encoded start key empty (version meta.k8s.io/v1)");
  if (!is_clean(start)) return bad_token(start);
  return Token{revision->get_int64(), start};
}

// Which combinations of options a list may have.
Status check_options(const Query& query) {
  constexpr std::string_view kMatch = "resourceVersionMatch";
  constexpr std::string_view kForbidden = "FieldValueForbidden";
  const auto match = query.get(kMatch);
  const auto forbid = [](std::string_view field, const std::string& why) {
    return invalid_options("ListOptions", field, kForbidden, "Forbidden: " + why);
  };
  if (query.has("sendInitialEvents")) {
    return forbid("sendInitialEvents", "sendInitialEvents is forbidden for list");
  }
  if (match.empty()) return {};
  if (query.get("resourceVersion").empty()) {
    return forbid(kMatch, "resourceVersionMatch is forbidden unless resourceVersion is provided");
  }
  if (!query.get("continue").empty()) {
    return forbid(kMatch, "resourceVersionMatch is forbidden when continue is provided");
  }
  if (match != "Exact" && match != "NotOlderThan") {
    return invalid_options(
        "ListOptions", kMatch, "FieldValueNotSupported",
        "Unsupported value: \"" + std::string(match) + "\": supported values: \"Exact\", \"NotOlderThan\", \"\"");
  }
  if (match == "Exact" && query.get("resourceVersion") == "0") {
    return forbid(kMatch, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
  }
  return {};
}

// At which revision to read; 0: the newest.
Expected<store::Revision> revision_wanted(const Call& call, bool limited) {
  const auto text = call.query.get("resourceVersion");
  const auto match = call.query.get("resourceVersionMatch");
  if (text.empty() || text == "0") return store::Revision(0);
  auto wanted = not_newer(call);
  if (!wanted) return wanted;
  // A page of a version without a wish how to match it is of exactly that version.
  return match == "Exact" || (match.empty() && limited) ? *wanted : store::Revision(0);
}

Status too_old(bool continued, const Status& error) {
  if (error.code() != 410) return error;
  return Status::expired(continued ? std::string(kTokenTooOld)
                                   : "The resourceVersion for the provided list is too old.");
}

}  // namespace

Expected<store::Revision> not_newer(const Call& call) {
  const auto text = call.query.get("resourceVersion");
  auto number = call.query.number("resourceVersion");
  if (!number || number->value_or(0) < 0) {
    return Status::bad_request("Invalid value: \"" + std::string(text) + "\": invalid resource version");
  }
  const auto newest = call.env->store.revision();
  if (number->value_or(0) > newest) return version_too_large(**number, newest);
  return number->value_or(0);
}

std::string list_metadata_json(const ListPage& page) {
  std::string out = "{\"resourceVersion\":\"" + std::to_string(page.revision) + "\"";
  if (!page.continuation.empty()) out += ",\"continue\":" + quoted(page.continuation);
  if (page.remaining) out += ",\"remainingItemCount\":" + std::to_string(*page.remaining);
  return out + "}";
}

std::string list_open_json(const Call& call, const ListPage& page) {
  const auto type = list_type(call);
  return "{\"kind\":\"" + type.kind + "\",\"apiVersion\":\"" + type.api_version +
         "\",\"metadata\":" + list_metadata_json(page) + ",\"items\":[";
}

schema::TypeMeta list_type(const Call& call) {
  if (call.form.as == As::kPartial) return {"meta.k8s.io/v1", "PartialObjectMetadataList"};
  return {call.kind().api_version(), call.kind().list_kind};
}

ReadingCost::ReadingCost(const Call& call, bool selects)
    : made_(is_made(call.form) || !StoredAs(call.kind()).same()),
      attributes_(selects),
      protobuf_(call.form.media == schema::Media::kProtobuf) {
  // Looking at a version that has been read costs about as much as reading so many bytes, with a long selector more.
  constexpr size_t kLook = 16, kLongLook = 256, kUsual = 1'024;
  const size_t selector = call.query.get("labelSelector").size() + call.query.get("fieldSelector").size();
  look_ = !selects ? 1 : selector > kUsual ? kLongLook : kLook;
}

bool Selection::matches(const schema::Kind& kind, const store::Entry& entry) const {
  if (!only_name.empty() && name_of_key(entry.key) != only_name) return false;
  if (empty()) return true;
  const auto& attributes_of_entry = attributes(kind, entry);
  return labels.matches(attributes_of_entry) && fields.matches(attributes_of_entry);
}

std::string prefix_of(const Call& call, const Selection& selection) {
  const auto& ns = call.target.ns;
  const bool one = !selection.only_name.empty() && (!call.kind().namespaced || !ns.empty());
  return one ? key_of(call.kind(), ns, selection.only_name) : key_prefix(call.kind(), ns);
}

namespace {

// An indexed field of a kind, read from what is derived of its versions anyway.
class FieldOf final : public store::FieldIndex {
 public:
  FieldOf(schema::SchemaPtr schema, const schema::Kind& kind, std::string_view path)
      : schema_(std::move(schema)), kind_(kind), path_(path) {}
  std::string_view name() const override { return path_; }
  std::string_view value(const store::Entry& entry) const override {
    return attributes(kind_, entry).field(path_).value_or(std::string_view());
  }

 private:
  const schema::SchemaPtr schema_;  // whose the kind is
  const schema::Kind& kind_;
  const std::string path_;
};

// Versions that are stored as another one's have other fields.
store::Only only_of(const Call& call, const schema::FieldSelector& fields) {
  if (!StoredAs(call.kind()).same()) return {};
  for (const auto& index : call.kind().indexes) {
    if (const auto* value = fields.exact(index.path)) {
      return {std::make_shared<FieldOf>(call.schema, call.kind(), index.path), *value};
    }
  }
  return {};
}

}  // namespace

Expected<Selection> read_selection(const Call& call) {
  Selection selection;
  const auto labels_text = call.query.get("labelSelector"), fields_text = call.query.get("fieldSelector");
  const size_t cost = schema::LabelSelector::cost(labels_text) + schema::FieldSelector::cost(fields_text);
  selection.charge = limits::Charge(call.request.account);
  if (auto status = hold(selection.charge, cost); !status.ok()) return status;
  if (!labels_text.empty()) {
    auto labels = schema::LabelSelector::parse(labels_text);
    if (!labels) return labels.error();
    selection.labels = std::move(*labels);
  }
  if (!fields_text.empty()) {
    auto fields = schema::FieldSelector::parse(call.kind(), fields_text);
    if (!fields) return fields.error();
    selection.fields = std::move(*fields);
    if (const auto* name = selection.fields.exact("metadata.name")) selection.only_name = *name;
  }
  if (!call.target.name.empty()) selection.only_name = call.target.name;
  if (selection.only_name.empty()) selection.only = only_of(call, selection.fields);
  selection.charge.settle(selection.labels.held() + selection.fields.held() + 2 * selection.only_name.size() +
                          2 * selection.only.value.size());
  return selection;
}

Expected<ListQuery> read_list_query(const Call& call) {
  if (auto status = check_options(call.query); !status.ok()) return status;
  ListQuery out;
  auto selection = read_selection(call);
  if (!selection) return selection.error();
  out.selection = std::move(*selection);
  auto limit = call.query.number("limit");
  if (!limit) return limit.error();
  if (auto seconds = call.query.number("timeoutSeconds"); !seconds) return seconds.error();
  out.limit = *limit && **limit > 0 ? static_cast<size_t>(**limit) : 0;
  out.prefix = key_prefix(call.kind(), call.target.ns);
  out.narrow = prefix_of(call, out.selection);
  const auto continuation = call.query.get("continue");
  out.continued = !continuation.empty();
  if (!out.continued) {
    auto revision = revision_wanted(call, out.limit != 0);
    if (!revision) return revision.error();
    out.revision = *revision;
    return out;
  }
  if (const auto version = call.query.get("resourceVersion"); !version.empty() && version != "0") {
    return Status::bad_request("specifying resource version is not allowed when using continue");
  }
  auto token = decode_token(continuation);
  if (!token) return token.error();
  // A negative one means the newest.
  out.revision = std::max<store::Revision>(token->revision, 0);
  out.after = out.prefix + token->after;
  return out;
}

Expected<store::ListResult> find_listed(const Call& call, const ListQuery& query) {
  const auto& only = query.selection.only;
  if (only.field && query.revision == 0) {
    if (auto found = call.env->store.find(query.narrow, only, query.after)) return std::move(*found);
  }
  const size_t most = query.all_match() ? query.limit : 0;
  auto found = call.env->store.list(query.narrow, query.revision, query.after, most);
  if (!found) return too_old(query.continued, found.error());
  return found;
}

}  // namespace gantry::apiserver
