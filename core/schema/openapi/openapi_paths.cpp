// Paths of OpenAPI documents: the verbs of each kind and its subresources, with the parameters that clients look for
// (kubectl reads from the patch operation whether dryRun and fieldValidation are understood).
// Called by openapi_v2.cpp and openapi_v3.cpp, any thread.
#include <boost/json/array.hpp>
#include <map>

#include "core/schema/openapi/openapi_build.hpp"

namespace gantry::schema::openapi {
namespace {

using Array = boost::json::array;
using Object = boost::json::object;

bool has(const std::vector<std::string>& verbs, std::string_view verb) {
  for (const std::string& known : verbs) {
    if (known == verb) return true;
  }
  return false;
}

std::string camel(std::string_view text) {
  std::string out;
  bool upper = true;
  for (char c : text) {
    if (c == '.' || c == '-' || c == '/') {
      upper = true;
      continue;
    }
    out.push_back(upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    upper = false;
  }
  return out;
}

const std::vector<std::string>& patch_types() {
  static const std::vector<std::string> types = {"application/json-patch+json", "application/merge-patch+json",
                                                 "application/strategic-merge-patch+json"};
  return types;
}

}  // namespace

// One operation: what is called, on what, and what goes in and out.
struct Builder::Call {
  std::string_view action;  // x-kubernetes-action
  std::string_view verb;    // of the operation's id
  std::string_view suffix;  // subresource
  const Message* in = nullptr;
  const Message* out = nullptr;
  bool in_namespace = false;
  std::string group, version, kind;
};

Object Builder::query(std::string_view name, std::string_view type, std::string_view description) const {
  Object out{{"name", sv(name)}, {"in", "query"}, {"description", sv(description)}};
  if (version_ == Version::kV2) {
    out["type"] = sv(type);
    out["uniqueItems"] = true;
  } else {
    out["schema"] = Object{{"type", sv(type)}, {"uniqueItems", true}};
  }
  return out;
}

Object Builder::path_parameter(std::string_view name) const {
  Object out{{"name", sv(name)}, {"in", "path"}, {"required", true}};
  out["description"] = name == "name" ? "Name of the object." : "Namespace of the object.";
  if (version_ == Version::kV2) {
    out["type"] = "string";
    out["uniqueItems"] = true;
  } else {
    out["schema"] = Object{{"type", "string"}, {"uniqueItems", true}};
  }
  return out;
}

// Body and answers, which v2 and v3 put in different places.
void Builder::describe_body(const Call& call, Object& op, Array& parameters) const {
  static const std::vector<std::string> any = {"application/json", "application/yaml",
                                               "application/vnd.kubernetes.protobuf"};
  bool patch = call.action == "patch";
  Array types;
  for (const std::string& type : patch ? patch_types() : any) types.emplace_back(sv(type));
  Object ok{{"description", "OK"}};
  Array produced;
  for (const std::string& type : any) produced.emplace_back(sv(type));
  if (version_ == Version::kV2) {
    if (call.in != nullptr || patch) {
      Object body{{"name", "body"}, {"in", "body"}};
      if (call.action != "delete" && call.action != "deletecollection") body["required"] = true;
      body["schema"] = patch ? Object{{"type", "object"}} : ref(*call.in);
      parameters.emplace_back(std::move(body));
      op["consumes"] = std::move(types);
    }
    op["produces"] = std::move(produced);
    if (call.out != nullptr) ok["schema"] = ref(*call.out);
  } else {
    if (call.in != nullptr || patch) {
      Object content;
      for (const Json& type : types) {
        content[type.get_string()] = Object{{"schema", patch ? Object{{"type", "object"}} : ref(*call.in)}};
      }
      op["requestBody"] = Object{{"content", std::move(content)}};
    }
    if (call.out != nullptr) {
      Object content;
      for (const Json& type : produced) {
        content[type.get_string()] = Object{{"schema", ref(*call.out)}};
      }
      ok["content"] = std::move(content);
    }
  }
  op["responses"] = Object{{"200", std::move(ok)}, {"401", Object{{"description", "Unauthorized"}}}};
}

Object Builder::operation(const Kind& kind, const Call& call) const {
  std::string group = kind.group.empty() ? "core" : kind.group.substr(0, kind.group.find('.'));
  std::string id(call.verb);
  id += camel(group) + camel(kind.version) + (call.in_namespace ? "Namespaced" : "") + kind.kind + camel(call.suffix);
  if (call.verb == "list" && kind.namespaced && !call.in_namespace) id += "ForAllNamespaces";
  Object op;
  op["operationId"] = sv(id);
  op["tags"] = Array{sv(group + "_" + kind.version)};
  Array parameters;
  if (call.action == "list" || call.action == "deletecollection") {
    parameters.emplace_back(query("labelSelector", "string", "Only objects with these labels."));
    parameters.emplace_back(query("fieldSelector", "string", "Only objects with these fields."));
    parameters.emplace_back(query("limit", "integer", "At most so many in one answer."));
    parameters.emplace_back(query("continue", "string", "Where the answer before this one ended."));
    parameters.emplace_back(query("resourceVersion", "string", "State to answer from."));
  }
  if (call.action == "list") {
    parameters.emplace_back(query("watch", "boolean", "Changes as they happen."));
    parameters.emplace_back(query("timeoutSeconds", "integer", "How long to watch."));
  }
  if (call.action != "list" && call.action != "get" && call.action != "connect") {
    parameters.emplace_back(query("dryRun", "string", "All: nothing is stored."));
  }
  if (call.action == "post" || call.action == "put" || call.action == "patch") {
    parameters.emplace_back(query("fieldManager", "string", "Who makes the change."));
    parameters.emplace_back(query("fieldValidation", "string", "Ignore, Warn or Strict: what unknown fields do."));
  }
  if (call.action == "patch") {
    parameters.emplace_back(query("force", "boolean", "Take over fields others manage."));
  }
  if (call.action == "delete" || call.action == "deletecollection") {
    parameters.emplace_back(query("gracePeriodSeconds", "integer", "Time to stop in."));
    parameters.emplace_back(query("propagationPolicy", "string", "What becomes of dependent objects."));
  }
  describe_body(call, op, parameters);
  if (!parameters.empty()) op["parameters"] = std::move(parameters);
  op["x-kubernetes-action"] = sv(call.action);
  op["x-kubernetes-group-version-kind"] =
      Object{{"group", sv(call.group)}, {"kind", sv(call.kind)}, {"version", sv(call.version)}};
  return op;
}

Object Builder::resource_path(const Kind& kind, bool in_namespace) const {
  Object item;
  Call call;
  call.group = kind.group;
  call.version = kind.version;
  call.kind = kind.kind;
  call.in_namespace = in_namespace;
  auto put = [&](const char* method, std::string_view action, std::string_view verb, const Message* in,
                 const Message* out) {
    call.action = action;
    call.verb = verb;
    call.in = in;
    call.out = out;
    item[method] = operation(kind, call);
  };
  if (kind.has_verb("list")) put("get", "list", "list", nullptr, kind.list_message);
  if (in_namespace == kind.namespaced) {
    if (kind.has_verb("create")) put("post", "post", "create", kind.message, kind.message);
    if (kind.has_verb("deletecollection")) {
      put("delete", "deletecollection", "deleteCollection", delete_options_, status_);
    }
  }
  if (in_namespace) item["parameters"] = Array{path_parameter("namespace")};
  return item;
}

Object Builder::object_path(const Kind& kind) const {
  Object item;
  Call call;
  call.group = kind.group;
  call.version = kind.version;
  call.kind = kind.kind;
  call.in_namespace = kind.namespaced;
  auto put = [&](const char* method, std::string_view verb, std::string_view action, std::string_view id,
                 const Message* in, const Message* out) {
    if (!kind.has_verb(verb)) return;
    call.action = action;
    call.verb = id;
    call.in = in;
    call.out = out;
    item[method] = operation(kind, call);
  };
  put("get", "get", "get", "read", nullptr, kind.message);
  put("put", "update", "put", "replace", kind.message, kind.message);
  put("patch", "patch", "patch", "patch", nullptr, kind.message);
  put("delete", "delete", "delete", "delete", delete_options_, status_);
  if (item.empty()) return item;
  Array parameters{path_parameter("name")};
  if (kind.namespaced) parameters.emplace_back(path_parameter("namespace"));
  item["parameters"] = std::move(parameters);
  return item;
}

Object Builder::subresource_path(const Kind& kind, const Subresource& sub) const {
  Object item;
  bool own = sub.version.empty();
  const Message* message = message_of(kind, sub);
  Call call;
  call.group = own ? kind.group : sub.group;
  call.version = own ? kind.version : sub.version;
  call.kind = sub.kind.empty() ? kind.kind : sub.kind;
  call.suffix = sub.name;
  call.in_namespace = kind.namespaced;
  call.out = message;
  bool connects = call.kind.ends_with("Options");
  auto put = [&](const char* method, std::string_view verb, std::string_view action, std::string_view id, bool body) {
    if (!has(sub.verbs, verb)) return;
    call.action = connects ? "connect" : action;
    call.verb = connects ? "connect" : id;
    call.in = body && !connects ? message : nullptr;
    if (connects) call.out = nullptr;
    item[method] = operation(kind, call);
  };
  put("get", "get", "get", "read", false);
  put("put", "update", "put", "replace", true);
  put("post", "create", "post", "create", true);
  put("patch", "patch", "patch", "patch", false);
  if (item.empty()) return item;
  Array parameters{path_parameter("name")};
  if (kind.namespaced) parameters.emplace_back(path_parameter("namespace"));
  item["parameters"] = std::move(parameters);
  return item;
}

void Builder::each_path(const std::function<void(const std::string&, boost::json::object)>& call) const {
  // Only names are sorted ahead; each item is made when its turn comes.
  std::map<std::string, std::function<Object()>> makers;
  for (const Kind* kind : schema_.kinds()) {
    if (!serves(*kind)) continue;
    std::string base = (kind->group.empty() ? "/api/" : "/apis/") + kind->api_version() + "/";
    std::string home = base;
    if (kind->namespaced) {
      home += "namespaces/{namespace}/";
      makers[home + kind->plural] = [this, kind] { return resource_path(*kind, true); };
    }
    if (kind->has_verb("list") || !kind->namespaced) {
      makers[base + kind->plural] = [this, kind] { return resource_path(*kind, false); };
    }
    home += kind->plural + "/{name}";
    makers[home] = [this, kind] { return object_path(*kind); };
    for (const Subresource& sub : kind->subresources) {
      makers[home + "/" + sub.name] = [this, kind, &sub] { return subresource_path(*kind, sub); };
    }
  }
  for (const auto& [path, make] : makers) {
    if (Object item = make(); !item.empty()) call(path, std::move(item));
  }
}

}  // namespace gantry::schema::openapi
