// Owns the rules of webhooks: names, where they are, which questions they understand. Pure functions, any thread.
#include <algorithm>
#include <set>

#include "core/kinds/parts/admission_rules.hpp"
#include "core/kinds/parts/pod_rules.hpp"
#include "core/kinds/parts/url.hpp"

namespace gantry::kinds {
namespace {

constexpr std::string_view kForm = "; desired format: https://host[/path]";

void check_url(std::string_view text, const At& at, Errors& errors) {
  const auto url = parse_url(text);
  const std::string form(kForm);
  if (!url) return errors.required(at, "url", "url must be a valid URL: " + url.error().message() + form);
  const auto invalid = [&](std::string_view value, const std::string& why) {
    errors.invalid(at, "url", Json(value), why);
  };
  if (url->scheme != "https") invalid(url->scheme, "'https' is the only allowed URL scheme" + form);
  if (url->host.empty()) invalid("", "host must be specified" + form);
  if (url->user) invalid(*url->user, "user information is not permitted in the URL");
  if (!url->fragment.empty()) invalid(url->fragment, "fragments are not permitted in the URL");
  if (!url->query.empty()) invalid(url->query, "query parameters are not permitted in the URL");
}

void check_service_path(std::string_view path, const At& at, Errors& errors) {
  if (path.empty() || path == "/") return;
  const auto invalid = [&](const std::string& why) { errors.invalid(at, "path", Json(path), why); };
  if (path == "//") return invalid("segment[0] may not be empty");
  if (!path.starts_with('/')) invalid("must start with a '/'");
  std::string_view rest = path.substr(1);
  if (rest.ends_with('/')) rest.remove_suffix(1);
  size_t i = 0;
  for (size_t begin = 0, end = 0; end != std::string_view::npos && !errors.full(); begin = end + 1, ++i) {
    end = rest.find('/', begin);
    const std::string_view step = rest.substr(begin, end == std::string_view::npos ? end : end - begin);
    const std::string name = "segment[" + std::to_string(i) + "]";
    if (step.empty()) {
      invalid(name + " may not be empty");
      continue;
    }
    for (const std::string& problem : format_problems("dns1123-subdomain", step)) invalid(name + ": " + problem);
  }
}

void check_service(const JsonObject& service, const At& at, Errors& errors) {
  if (get_text(service, "name").empty()) errors.required(at, "name", "service name is required");
  if (get_text(service, "namespace").empty()) errors.required(at, "namespace", "service namespace is required");
  const int64_t port = get_number(service, "port");
  if (port < 1 || port > 65535) {
    errors.invalid(at, "port", port, "port is not valid: " + schema::inclusive_range(1, 65535));
  }
  check_service_path(get_text(service, "path"), at, errors);
}

void check_client(const JsonObject& webhook, const At& at, Errors& errors) {
  const JsonObject& client = object_at(webhook, "clientConfig");
  At here = at.child("clientConfig");
  const Json* url = get(client, "url");
  const JsonObject* service = get_object(client, "service");
  if ((url == nullptr) == (service == nullptr)) {
    return errors.required(here, "", "exactly one of url or service is required");
  }
  if (url != nullptr) return check_url(get_text(client, "url"), here, errors);
  check_service(*service, here.child("service"), errors);
}

void check_name(std::string_view name, const At& at, Errors& errors) {
  if (name.empty()) return errors.required(at, "name");
  std::string all;
  for (const std::string& problem : format_problems("dns1123-subdomain", name))
    (all += all.empty() ? "" : ",") += problem;
  if (!all.empty()) return errors.invalid(at, "name", Json(name), all);
  if (std::count(name.begin(), name.end(), '.') < 2) {
    errors.invalid(at, "name", Json(name), "should be a domain with at least three segments separated by dots");
  }
}

void check_versions(const JsonObject& webhook, const At& at, Errors& errors) {
  constexpr std::string_view kKey = "admissionReviewVersions";
  const JsonArray* list = get_array(webhook, kKey);
  if (list == nullptr || list->empty()) return errors.required(at, kKey, "must specify one of v1, v1beta1");
  std::set<std::string_view> seen;
  for (size_t i = 0; i < list->size(); ++i) {
    const auto* text = (*list)[i].if_string();
    if (text == nullptr) continue;
    At here = at.child(kKey, i);
    if (seen.insert(*text).second) {
      errors.format(here, "", "dns1035-label", *text);
    } else {
      errors.invalid(here, "", (*list)[i], "duplicate version");
    }
  }
  if (seen.contains("v1") || seen.contains("v1beta1")) return;
  errors.invalid(at, kKey, *list, "must include at least one of v1, v1beta1");
}

// Whether a condition of a webhook is another one than before, or is another webhook's.
bool has_new_webhook_conditions(const Json& webhooks, const Json* before) {
  const JsonArray *now = webhooks.if_array(), *old = before != nullptr ? before->if_array() : nullptr;
  if (now == nullptr || old == nullptr || now->size() != old->size()) return true;
  const auto conditions = [](const Json& webhook) {
    return webhook.is_object() ? get(webhook.get_object(), "matchConditions") : nullptr;
  };
  for (size_t i = 0; i < now->size(); ++i) {
    const Json *a = conditions((*now)[i]), *b = conditions((*old)[i]);
    if (a == nullptr || b == nullptr ? a != b : !same_json(*a, *b)) return true;
  }
  return false;
}

void check_webhook(const JsonObject& webhook, bool new_conditions, const At& at, Errors& errors) {
  check_name(get_text(webhook, "name"), at, errors);
  size_t i = 0;
  each(webhook, "rules", [&](const JsonObject& rule) { check_admission_rule(rule, at.child("rules", i++), errors); });
  const std::string_view effects = get_text(webhook, "sideEffects");
  if (get(webhook, "sideEffects") == nullptr) {
    errors.required(at, "sideEffects", "must specify one of None, NoneOnDryRun");
  } else if (effects != "None" && effects != "NoneOnDryRun") {
    errors.not_supported(at, "sideEffects", effects, {"None", "NoneOnDryRun"});
  }
  for (std::string_view selector : {"namespaceSelector", "objectSelector"}) {
    check_label_selector(object_at(webhook, selector), at.child(selector), errors);
  }
  check_client(webhook, at, errors);
  if (new_conditions) check_match_conditions(webhook, false, at, errors);
  check_versions(webhook, at, errors);
}

}  // namespace

void check_webhooks(const JsonObject& configuration, const JsonObject* old, Errors& errors) {
  const Json* webhooks = get(configuration, "webhooks");
  const Json* before = old != nullptr ? get(*old, "webhooks") : nullptr;
  if (webhooks == nullptr || (before != nullptr && same_json(*webhooks, *before))) return;
  const bool new_conditions = has_new_webhook_conditions(*webhooks, before);
  At root;
  size_t i = 0;
  each(configuration, "webhooks",
       [&](const JsonObject& webhook) { check_webhook(webhook, new_conditions, root.child("webhooks", i++), errors); });
}

}  // namespace gantry::kinds
