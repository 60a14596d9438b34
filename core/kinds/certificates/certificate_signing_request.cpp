// CertificateSigningRequests: what is asked for, and decisions that stay. Pure functions, any thread.
#include <algorithm>
#include <set>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/certificate_pem.hpp"
#include "core/kinds/parts/conditions.hpp"
#include "core/kinds/parts/workload.hpp"
#include "core/schema/values/values.hpp"

namespace gantry::kinds::certificates_certificate_signing_request {
namespace {

constexpr size_t kLongestDomain = 253, kLongestSigner = 253 + 1 + 253 + 63 + 1;
constexpr int64_t kShortest = 600;  // seconds
constexpr std::string_view kUsages[] = {"any",
                                        "cert sign",
                                        "client auth",
                                        "code signing",
                                        "content commitment",
                                        "crl sign",
                                        "data encipherment",
                                        "decipher only",
                                        "digital signature",
                                        "email protection",
                                        "encipher only",
                                        "ipsec end system",
                                        "ipsec tunnel",
                                        "ipsec user",
                                        "key agreement",
                                        "key encipherment",
                                        "microsoft sgc",
                                        "netscape sgc",
                                        "ocsp signing",
                                        "s/mime",
                                        "server auth",
                                        "signing",
                                        "timestamping"};

bool is_approval(std::string_view type) { return type == "Approved" || type == "Denied"; }
bool is_final(std::string_view type) { return is_approval(type) || type == "Failed"; }

void update(JsonObject& next, const JsonObject& old) { take_key(next, old, "spec"); }

JsonArray* conditions_of(JsonObject& request) {
  JsonObject* status = get_object(request, "status");
  return status != nullptr ? get_array(*status, "conditions") : nullptr;
}

std::vector<JsonObject> conditions_of(const JsonObject& request, std::string_view type) {
  std::vector<JsonObject> found;
  each(object_at(request, "status"), "conditions", [&](const JsonObject& condition) {
    if (get_text(condition, "type") == type) found.push_back(condition);
  });
  return found;
}

// Who signs leaves approvals as they are. One more or less is refused (validate_status).
void update_status(JsonObject& next, const JsonObject& old) {
  JsonArray* conditions = conditions_of(next);
  if (conditions == nullptr) return;
  for (std::string_view type : {"Approved", "Denied"}) {
    auto before = conditions_of(old, type);
    if (before.size() != conditions_of(next, type).size()) continue;
    size_t i = 0;
    for (Json& condition : *conditions) {
      const JsonObject* object = condition.if_object();
      if (object != nullptr && get_text(*object, "type") == type) condition = std::move(before[i++]);
    }
  }
}

// Since when a condition has been what it is.
Json since_when(const JsonObject& condition, const JsonObject& old, const std::string& now) {
  for (const JsonObject& before : conditions_of(old, get_text(condition, "type"))) {
    const std::string_view time = get_text(before, "lastTransitionTime");
    if (!time.empty() && get_text(before, "status") == get_text(condition, "status")) return Json(time);
  }
  return Json(now);
}

void stamp(JsonObject& next, const JsonObject& old, int64_t now_ns) {
  JsonArray* conditions = conditions_of(next);
  if (conditions == nullptr) return;
  const std::string now = schema::format_time(now_ns);
  for (Json& value : *conditions) {
    JsonObject* condition = value.if_object();
    if (condition == nullptr) continue;
    if (get_text(*condition, "lastUpdateTime").empty()) (*condition)["lastUpdateTime"] = now;
    if (get_text(*condition, "lastTransitionTime").empty()) {
      (*condition)["lastTransitionTime"] = since_when(*condition, old, now);
    }
  }
}

void check_labels_of(std::string_view whole, std::string_view format, const At& at, Errors& errors) {
  for (std::string_view rest = whole;;) {
    const size_t dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    for (const std::string& problem : format_problems(format, label)) {
      errors.invalid(at, "signerName", Json(whole),
                     "validating label " + schema::quoted(schema::cut(label, schema::kLongestName)) + ": " + problem);
    }
    if (dot == std::string_view::npos || errors.full()) return;
    rest.remove_prefix(dot + 1);
  }
}

void check_signer(std::string_view name, const At& at, Errors& errors) {
  if (name.empty()) return errors.required(at, "signerName");
  if (name == "kubernetes.io/legacy-unknown") {
    return errors.invalid(at, "signerName", Json(name), "the legacy signerName is not allowed via this API version");
  }
  if (std::count(name.begin(), name.end(), '/') != 1) {
    return errors.invalid(at, "signerName", Json(name),
                          "must be a fully qualified domain and path of the form 'example.com/signer-name'");
  }
  const size_t slash = name.find('/');
  const std::string_view domain = name.substr(0, slash), path = name.substr(slash + 1);
  if (domain.size() > kLongestDomain) errors.too_long(at, "signerName", kLongestDomain);
  check_labels_of(domain, "dns1123-label", at, errors);
  if (domain.find('.') == std::string_view::npos) {
    errors.invalid(at, "signerName", Json(domain), "should be a domain with at least two segments separated by dots");
  }
  check_labels_of(path, "dns1123-subdomain", at, errors);
  if (name.size() > kLongestSigner) errors.too_long(at, "signerName", kLongestSigner);
}

void check_usages(const JsonObject& spec, const At& at, Errors& errors) {
  const JsonArray* usages = get_array(spec, "usages");
  if (usages == nullptr || usages->empty()) return errors.required(at, "usages");
  static const std::vector<std::string> kKnown(std::begin(kUsages), std::end(kUsages));
  std::set<std::string_view> seen;
  for (size_t i = 0; i < usages->size(); ++i) {
    const auto* text = (*usages)[i].if_string();
    if (text == nullptr) continue;
    const std::string_view usage = *text;
    At here = at.child("usages", i);
    if (!std::binary_search(std::begin(kUsages), std::end(kUsages), usage)) {
      errors.not_supported(here, "", usage, kKnown);
    }
    if (!seen.insert(usage).second) errors.duplicate(here, "", (*usages)[i]);
  }
}

void check_spec(const JsonObject& spec, const At& at, Errors& errors) {
  std::string pem;
  schema::base64_decode(get_text(spec, "request"), pem);
  if (auto good = check_request_pem(pem); !good.ok()) {
    errors.invalid(at, "request", Json(get_text(spec, "request")), good.message());
  }
  check_usages(spec, at, errors);
  check_signer(get_text(spec, "signerName"), at, errors);
  const int64_t seconds = get_number(spec, "expirationSeconds", kShortest);
  if (seconds < kShortest) {
    errors.invalid(at, "expirationSeconds", seconds, "may not specify a duration less than 600 seconds (10 minutes)");
  }
}

void check_decisions(const JsonObject& status, const At& at, Errors& errors) {
  check_condition_types(status, {}, at, errors);
  bool approved = false, denied = false;
  size_t i = 0;
  each(status, "conditions", [&](const JsonObject& condition) {
    At here = at.child("conditions", i++);
    const std::string_view type = get_text(condition, "type"), value = get_text(condition, "status");
    if (value.empty()) {
      errors.required(here, "status");
    } else if (is_final(type) && value != "True") {
      errors.not_supported(here, "status", value, {"True"});
    } else if (value != "True" && value != "False" && value != "Unknown") {
      errors.not_supported(here, "status", value, {"False", "True", "Unknown"});
    }
    approved = approved || type == "Approved";
    denied = denied || type == "Denied";
    if (is_approval(type) && approved && denied) {
      errors.invalid(here, "type", Json(type), "Approved and Denied conditions are mutually exclusive");
    }
  });
}

size_t count_of(const JsonObject& status, std::string_view type) {
  size_t count = 0;
  each(status, "conditions",
       [&](const JsonObject& condition) { count += get_text(condition, "type") == type ? 1 : 0; });
  return count;
}

void check_status(const JsonObject& status, const JsonObject& old, const At& at, Errors& errors) {
  check_decisions(status, at, errors);
  for (std::string_view type : {"Approved", "Denied", "Failed"}) {
    if (count_of(status, type) >= count_of(old, type)) continue;
    errors.forbidden(at, "conditions", "updates may not remove a condition of type \"" + std::string(type) + "\"");
  }
  const std::string_view before = get_text(old, "certificate"), now = get_text(status, "certificate");
  if (before == now) return;
  std::string pem;
  schema::base64_decode(now, pem);
  const auto good = now.empty() ? Status() : check_certificate_pem(pem);
  if (!good.ok()) errors.invalid(at, "certificate", "<certificate data>", good.message());
  if (!before.empty()) errors.forbidden(at, "certificate", "updates may not modify existing certificate content");
}

void validate(const JsonObject& request, const JsonObject* old, Errors& errors) {
  At root;
  if (const JsonObject* spec = changed_spec(request, old)) check_spec(*spec, root.child("spec"), errors);
  if (const JsonObject* status = changed_status(request, old)) {
    check_status(*status, object_at(*old, "status"), root.child("status"), errors);
  }
}

// Of the status alone: who signs does not approve.
void validate_status(const JsonObject& request, const JsonObject& old, Errors& errors) {
  At root;
  for (std::string_view type : {"Approved", "Denied"}) {
    if (count_of(object_at(request, "status"), type) <= count_of(object_at(old, "status"), type)) continue;
    errors.forbidden(root.child("status"), "conditions",
                     "updates may not add a condition of type \"" + std::string(type) + "\"");
  }
}

void requested_duration(Row& row, std::string& out) {
  const Json* seconds = at(row.document, "spec.expirationSeconds");
  if (seconds == nullptr || !seconds->is_int64()) return put(out, "<none>");
  put(out, schema::human_duration(seconds->get_int64()));
}

void decision(Row& row, std::string& out) {
  const JsonObject* request = row.document.if_object();
  static const JsonObject kNone;
  const JsonObject& status = request != nullptr ? object_at(*request, "status") : kNone;
  std::string text = count_of(status, "Denied") > 0     ? "Denied"
                     : count_of(status, "Approved") > 0 ? "Approved"
                                                        : "Pending";
  if (count_of(status, "Failed") > 0) text += ",Failed";
  if (!get_text(status, "certificate").empty()) text += ",Issued";
  put(out, text);
}

constexpr NamedCell kCells[] = {{"requested-duration", requested_duration}, {"request-condition", decision}};

}  // namespace

constinit const Behavior behavior{.group = "certificates.k8s.io",
                                  .kind = "CertificateSigningRequest",
                                  .validate = validate,
                                  .validate_status = validate_status,
                                  .update = update,
                                  .update_status = update_status,
                                  .stamp = stamp,
                                  .cells = kCells,
                                  .read_at_once = false};

}  // namespace gantry::kinds::certificates_certificate_signing_request
