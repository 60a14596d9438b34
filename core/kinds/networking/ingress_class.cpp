// IngressClasses: the name of a controller, and where its parameters are. Pure functions, any thread.
#include <algorithm>

#include "core/kinds/parts/cells.hpp"
#include "core/kinds/parts/workload.hpp"

namespace gantry::kinds::networking_ingress_class {
namespace {

constexpr size_t kLongestController = 250;

bool is_path_char(char c) {
  constexpr std::string_view kOthers = "/-._~%!$&'()*+,;=:";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

void check_controller(std::string_view name, const At& at, Errors& errors) {
  if (name.size() > kLongestController) errors.too_long(at, "controller", kLongestController);
  const size_t slash = name.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == name.size()) {
    return errors.invalid(at, "controller", Json(name), "must be a domain-prefixed path (such as \"acme.io/foo\")");
  }
  errors.format(at, "controller", "dns1123-subdomain", name.substr(0, slash));
  const std::string_view path = name.substr(slash + 1);
  if (!std::all_of(path.begin(), path.end(), is_path_char)) {
    errors.invalid(at, "controller", Json(path),
                   "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')");
  }
}

void check_place(const JsonObject& parameters, const At& at, Errors& errors) {
  const std::string_view scope = get_text(parameters, "scope");
  const Json* space = get(parameters, "namespace");
  if (scope == "Cluster" && space != nullptr) {
    errors.forbidden(at, "namespace", "`parameters.scope` is set to 'Cluster'");
  }
  if (scope != "Namespace") return;
  if (space == nullptr) return errors.required(at, "namespace", "`parameters.scope` is set to 'Namespace'");
  errors.format(at, "namespace", "dns1123-label", get_text(parameters, "namespace"));
}

void validate(const JsonObject& ingress_class, const JsonObject* old, Errors& errors) {
  At root;
  At at = root.child("spec");
  const JsonObject* spec = changed_spec(ingress_class, old);
  if (spec == nullptr) return;
  const std::string_view controller = get_text(*spec, "controller");
  if (!controller.empty()) check_controller(controller, at, errors);
  if (const JsonObject* parameters = get_object(*spec, "parameters")) {
    check_place(*parameters, at.child("parameters"), errors);
  }
}

void class_parameters(Row& row, std::string& out) {
  const Json* parameters = at(row.document, "spec.parameters");
  if (parameters == nullptr || !parameters->is_object()) return put(out, "<none>");
  std::string text(text_at(*parameters, "kind"));
  if (at(*parameters, "apiGroup") != nullptr) text.append(".").append(text_at(*parameters, "apiGroup"));
  put(out, text.append("/").append(text_at(*parameters, "name")));
}

bool is_default(const JsonObject& ingress_class) {
  const JsonObject& notes = object_at(object_at(ingress_class, "metadata"), "annotations");
  return get_text(notes, "ingressclass.kubernetes.io/is-default-class") == "true";
}

void class_name(Row& row, std::string& out) {
  std::string text(text_at(row.document, "metadata.name"));
  if (row.document.is_object() && is_default(row.document.get_object())) text += " (default)";
  put(out, text);
}

constexpr NamedCell kCells[] = {{"ingress-class-name", class_name}, {"ingress-class-parameters", class_parameters}};

}  // namespace

constinit const Behavior behavior{.group = "networking.k8s.io",
                                  .kind = "IngressClass",
                                  .validate = validate,
                                  .is_default = is_default,
                                  .default_mark = R"(is-default-class":"true")",
                                  .cells = kCells,
                                  .read_at_once = false};

}  // namespace gantry::kinds::networking_ingress_class
