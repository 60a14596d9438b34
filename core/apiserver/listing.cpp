// Pages of stored objects. [any-thread]
#include "core/apiserver/listing.hpp"

#include <openssl/evp.h>

#include "core/apiserver/errors.hpp"
#include "core/apiserver/forms.hpp"
#include "core/schema/codec.hpp"

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

std::string encode_token(const Token& token) {
  const std::string text =
      "{\"v\":\"meta.k8s.io/v1\",\"rv\":" + std::to_string(token.revision) + ",\"start\":" + quoted(token.after) + "}";
  std::string out(4 * ((text.size() + 2) / 3) + 1, '\0');
  const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(size));
  while (!out.empty() && out.back() == '=') out.pop_back();
  for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return out;
}

Expected<Token> decode_token(std::string_view text) {
  std::string padded(text);
  for (char& c : padded) c = c == '-' ? '+' : c == '_' ? '/' : c;
  size_t padding = 0;
  for (; padded.size() % 4 != 0; ++padding) padded += '=';
  std::string out(padded.size(), '\0');
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                      reinterpret_cast<const unsigned char*>(padded.data()), static_cast<int>(padded.size()));
  Status bad = Status::bad_request("continue key is not valid: the token could not be decoded");
  if (size < 0 || static_cast<size_t>(size) < padding) return bad;
  out.resize(static_cast<size_t>(size) - padding);
  auto document = schema::parse_json(out);
  if (!document || text_at(*document, {"v"}) != "meta.k8s.io/v1") return bad;
  const std::string start(text_at(*document, {"start"}));
  if (start.empty()) return bad;
  return Token{int_at(*document, {"rv"}), start};
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

Expected<Selection> read_selection(const Call& call) {
  Selection selection;
  if (const auto text = call.query.get("labelSelector"); !text.empty()) {
    auto labels = schema::LabelSelector::parse(text);
    if (!labels) return labels.error();
    selection.labels = std::move(*labels);
  }
  if (const auto text = call.query.get("fieldSelector"); !text.empty()) {
    auto fields = schema::FieldSelector::parse(call.kind(), text);
    if (!fields) return fields.error();
    selection.fields = std::move(*fields);
    if (const auto* name = selection.fields.exact("metadata.name")) selection.only_name = *name;
  }
  if (!call.target.name.empty()) selection.only_name = call.target.name;
  return selection;
}

Expected<ListPage> read_page(const Call& call) {
  if (auto status = check_options(call.query); !status.ok()) return status;
  auto selection = read_selection(call);
  if (!selection) return selection.error();
  auto limit = call.query.number("limit");
  if (!limit) return limit.error();
  const size_t most = *limit && **limit > 0 ? static_cast<size_t>(**limit) : 0;
  const auto& kind = call.kind();
  const std::string prefix = key_prefix(kind, call.target.ns);
  const std::string narrow = prefix_of(call, *selection);
  Token token;
  const auto continuation = call.query.get("continue");
  if (!continuation.empty()) {
    if (const auto version = call.query.get("resourceVersion"); !version.empty() && version != "0") {
      return Status::bad_request("specifying resource version is not allowed when using continue");
    }
    auto decoded = decode_token(continuation);
    if (!decoded) return decoded.error();
    token = std::move(*decoded);
  } else {
    auto revision = revision_wanted(call, most != 0);
    if (!revision) return revision.error();
    token.revision = *revision;
  }
  const bool all_match = selection->empty() && selection->only_name.empty();
  const std::string after = token.after.empty() ? std::string() : prefix + token.after;
  auto result = call.env->store.list(narrow, token.revision, after, all_match ? most : 0);
  if (!result) return too_old(!continuation.empty(), result.error());
  ListPage page;
  page.revision = result->revision;
  bool more = result->more;
  if (all_match) {
    page.entries = std::move(result->entries);
    if (more) page.remaining = result->remaining;
  } else {
    for (auto& entry : result->entries) {
      if (!selection->matches(kind, *entry)) continue;
      if (most != 0 && page.entries.size() == most) {
        more = true;
        break;
      }
      page.entries.push_back(std::move(entry));
    }
  }
  if (more && !page.entries.empty()) {
    page.continuation = encode_token({page.revision, page.entries.back()->key.substr(prefix.size())});
  }
  return page;
}

}  // namespace gantry::apiserver
