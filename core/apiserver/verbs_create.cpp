// create: names, defaults, admission, validation, one write. [any-thread, answers on the store's writer or a worker]
#include "core/admission/admission.hpp"
#include "core/apiserver/body.hpp"
#include "core/apiserver/errors.hpp"
#include "core/apiserver/forms.hpp"
#include "core/apiserver/lifecycle.hpp"
#include "core/apiserver/mutate.hpp"
#include "core/apiserver/respond.hpp"
#include "core/apiserver/stored.hpp"
#include "core/apiserver/verbs.hpp"
#include "core/schema/codec.hpp"
#include "core/schema/rules.hpp"

namespace gantry::apiserver {
namespace {

constexpr int kNameTries = 8;
constexpr size_t kMaxGeneratedBase = 58;  // 63 less the suffix

struct NewObject {
  CallPtr call;
  Json document;
  std::string name_base;  // of generateName; empty: the name was given
  int tries_left = 0;
  limits::Charge charge;  // for the version that waits for the store
};

Status place(Call& call, Json& document) {
  const auto& kind = call.kind();
  auto& metadata = metadata_of(document);
  if (!kind.namespaced) {
    metadata.erase("namespace");
    return {};
  }
  if (call.target.ns.empty()) return Status::bad_request("an empty namespace may not be set during creation");
  const auto given = text_at(document, {"metadata", "namespace"});
  if (!given.empty() && given != call.target.ns) {
    return Status::bad_request("the namespace of the provided object does not match the namespace sent on the request");
  }
  metadata["namespace"] = call.target.ns;
  return {};
}

Status prepare(Call& call, Json& document) {
  const auto& kind = call.kind();
  const std::string name(text_at(document, {"metadata", "name"}));
  if (kind.namespaced) {
    if (auto status = check_namespace(*call.env, kind, call.target.ns, name); !status.ok()) return status;
  }
  if (!text_at(document, {"metadata", "resourceVersion"}).empty()) {
    return Status::bad_request("resourceVersion should not be set on objects to be created");
  }
  begin_object(*call.env, kind, document);
  if (auto status = schema::apply_defaults(kind, document); !status.ok()) return status;
  if (auto status = admission::admit_create(kind, document); !status.ok()) {
    return forbidden(kind, name, status.message());
  }
  if (kind.behavior->create != nullptr) kind.behavior->create(document.as_object());
  auto causes = schema::validate(kind, document);
  if (!causes.empty()) return schema::invalid_status(kind, name, std::move(causes));
  admission::warn_of_unsupported(document, call.warnings);
  if (!kind.warning.empty()) call.warnings.push_back(kind.warning);
  return {};
}

void write(std::shared_ptr<NewObject> object);

void written(const std::shared_ptr<NewObject>& object, Expected<store::EntryPtr> result) {
  auto& call = *object->call;
  if (result) {
    return respond_written(object->call, 201, *result);
  }
  if (result.error().code() == 409 && !object->name_base.empty() && --object->tries_left > 0) {
    return later(object->call, call.request.body.size(), [object] { write(object); });
  }
  const std::string name(text_at(object->document, {"metadata", "name"}));
  respond_error(call, result.error().code() == 409 ? already_exists(call.kind(), name) : result.error());
}

void write(std::shared_ptr<NewObject> object) {
  auto& call = *object->call;
  const auto& kind = call.kind();
  if (!object->name_base.empty()) {
    metadata_of(object->document)["name"] = object->name_base + call.env->random_suffix();
  }
  const auto name = text_at(object->document, {"metadata", "name"});
  store::Write change;
  change.kind = store::Write::Kind::kCreate;
  change.key = key_of(kind, call.target.ns, name);
  if (call.dry_run) {
    if (call.env->store.get(change.key)) return respond_error(call, already_exists(kind, name));
    return respond_document(call, 201, kind, object->document);
  }
  if (auto status = StoredAs(kind).fill(change, object->document); !status.ok()) {
    return respond_error(call, status);
  }
  if (kind.behavior->read_at_once) derive(kind, object->document, change);
  object->charge = limits::Charge(call.request.account);
  if (!object->charge.resize(size_of(change))) return respond_error(call, out_of_memory());
  if (object->name_base.empty()) object->document = JsonObject{{"metadata", JsonObject{{"name", name}}}};
  call.env->store.write(std::move(change),
                        [object](Expected<store::EntryPtr> result) { written(object, std::move(result)); });
}

}  // namespace

void create_document(const CallPtr& call, Json document) {
  auto object = std::make_shared<NewObject>();
  object->call = call;
  if (auto status = place(*call, document); !status.ok()) return respond_error(*call, status);
  auto& metadata = metadata_of(document);
  if (text_at(document, {"metadata", "name"}).empty()) {
    std::string base(text_at(document, {"metadata", "generateName"}));
    if (!base.empty()) {
      base.resize(std::min(base.size(), kMaxGeneratedBase));
      metadata["name"] = base + call->env->random_suffix();  // validated like a given one
      object->name_base = std::move(base);
      object->tries_left = kNameTries;
    }
  }
  if (auto status = prepare(*call, document); !status.ok()) return respond_error(*call, status);
  object->document = std::move(document);
  write(std::move(object));
}

void create(const CallPtr& call) {
  auto document = read_body(*call);
  if (!document) return respond_error(*call, document.error());
  create_document(call, std::move(*document));
}

}  // namespace gantry::apiserver
