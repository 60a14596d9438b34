// create: names, defaults, the admission chain, validation, one write. [any-thread, answers on the store's writer or a
// worker]
#include "core/apiserver/request/body.hpp"
#include "core/apiserver/request/errors.hpp"
#include "core/apiserver/request/forms.hpp"
#include "core/apiserver/request/respond.hpp"
#include "core/apiserver/verbs/lifecycle.hpp"
#include "core/apiserver/verbs/mutate.hpp"
#include "core/apiserver/verbs/stored.hpp"
#include "core/apiserver/verbs/verbs.hpp"
#include "core/schema/codec/codec.hpp"
#include "core/schema/rules/rules.hpp"
#include "core/schema/rules/warnings.hpp"
#include "core/schema/values/arena.hpp"

namespace gantry::apiserver {
namespace {

constexpr int kNameTries = 8;
constexpr size_t kMaxGeneratedBase = 58;  // 63 less the suffix

struct NewObject : WriteCall {
  explicit NewObject(CallPtr of) : WriteCall(std::move(of), admission::Operation::kCreate) {}

  Json document;
  std::string name_base;  // of generateName; empty: the name was given
  Json unnamed;           // what another name would be given to, when the kind makes something of the name
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

// What it has before the admission chain sees it.
Status prepare(NewObject& object) {
  const auto& kind = *object.kind;
  if (!text_at(object.document, {"metadata", "resourceVersion"}).empty()) {
    return Status::bad_request("resourceVersion should not be set on objects to be created");
  }
  begin_object(*object.call->env, kind, object.document);
  return schema::apply_defaults(kind, object.document);
}

// What it must be after the steps that may change it.
Status check(NewObject& object) {
  const auto& kind = *object.kind;
  auto& document = object.document;
  if (object.needs_defaults) {
    // Nothing that the server owns is a step's to set.
    begin_object(*object.call->env, kind, document);
    if (auto status = schema::apply_defaults(kind, document); !status.ok()) return status;
  }
  if (kind.behavior->name_matters && !object.name_base.empty()) {
    auto copy = schema::copy_of(document, object.call->request.account);
    if (!copy) return std::move(copy).error();
    schema::take_over(object.unnamed, std::move(*copy));
  }
  if (kind.behavior->create != nullptr) kind.behavior->create(document.as_object());
  auto causes = schema::validate(kind, document);
  if (!causes.empty()) return schema::invalid_status(kind, object.name, std::move(causes));
  for (auto& warning : schema::warnings_of(kind, document, nullptr)) object.warnings->push_back(std::move(warning));
  return {};
}

void write(std::shared_ptr<NewObject> object);
void validate(const std::shared_ptr<NewObject>& object);

// Somebody had the generated name.
void rename(const std::shared_ptr<NewObject>& object) {
  const bool again = !object->unnamed.is_null();
  if (again) schema::take_over(object->document, std::exchange(object->unnamed, Json()));
  object->name = object->name_base + object->call->env->random_suffix();
  metadata_of(object->document)["name"] = object->name;
  if (!again) return write(object);
  object->object = &object->document;
  if (auto status = schema::apply_defaults(*object->kind, object->document); !status.ok()) {
    return respond_error(*object->call, status);
  }
  validate(object);
}

// Upstream says of what is there whether it is about to go. Nearly always its text tells that it is not.
Status taken(const Call& call, std::string_view name) {
  const auto& kind = call.kind();
  auto status = already_exists(kind, name);
  const auto entry = call.env->store.get(key_of(kind, call.target.ns, name));
  if (entry == nullptr || entry->value.find("\"deletionTimestamp\":") == std::string::npos) return status;
  if (text_at(parse_entry(*entry), {"metadata", "deletionTimestamp"}).empty()) return status;
  return Status(status.code(), status.reason(), "object is being deleted: " + status.message())
      .with_details(*status.details());
}

void written(const std::shared_ptr<NewObject>& object, Expected<store::EntryPtr> result) {
  auto& call = *object->call;
  if (result) {
    return respond_written(object->call, 201, *result);
  }
  if (result.error().code() == 409 && !object->name_base.empty() && --object->tries_left > 0) {
    return later(object->call, call.request.body.size(), [object] { rename(object); });
  }
  const std::string name(text_at(object->document, {"metadata", "name"}));
  respond_error(call, result.error().code() == 409 ? taken(call, name) : result.error());
}

void write(std::shared_ptr<NewObject> object) {
  auto& call = *object->call;
  const auto& kind = call.kind();
  const auto name = text_at(object->document, {"metadata", "name"});
  store::Write change;
  change.kind = store::Write::Kind::kCreate;
  change.key = key_of(kind, call.target.ns, name);
  if (call.dry_run) {
    if (call.env->store.get(change.key)) return respond_error(call, taken(call, name));
    return respond_document(call, 201, kind, object->document);
  }
  if (auto status = StoredAs(kind).fill(change, object->document); !status.ok()) {
    return respond_error(call, status);
  }
  if (kind.behavior->read_at_once) derive(kind, object->document, change);
  object->charge = limits::Charge(call.request.account);
  if (auto status = hold(object->charge, size_of(change)); !status.ok()) return respond_error(call, status);
  if (object->name_base.empty()) object->document = JsonObject{{"metadata", JsonObject{{"name", name}}}};
  call.env->store.write(std::move(change),
                        [object](Expected<store::EntryPtr> result) { written(object, std::move(result)); });
}

// The rest of the way, stage by stage; each goes on at once unless a step of the chain takes its time.
void validate(const std::shared_ptr<NewObject>& object) {
  if (auto status = check(*object); !status.ok()) return respond_error(*object->call, status);
  object->call->env->chain.run(admission::Stage::kValidate, object, [object](const Status& status) {
    if (!status.ok()) return respond_error(*object->call, status);
    object->object = nullptr;
    write(object);
  });
}

void admit(const std::shared_ptr<NewObject>& object) {
  if (auto status = prepare(*object); !status.ok()) return respond_error(*object->call, status);
  object->object = &object->document;
  object->call->env->chain.run(admission::Stage::kMutate, object, [object](const Status& status) {
    if (!status.ok()) return respond_error(*object->call, status);
    validate(object);
  });
}

}  // namespace

void create_document(const CallPtr& call, Json document) {
  auto object = std::make_shared<NewObject>(call);
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
  object->name = text_at(document, {"metadata", "name"});
  schema::take_over(object->document, std::move(document));
  admit(object);
}

void create(const CallPtr& call) {
  auto document = read_body(*call);
  if (!document) return respond_error(*call, document.error());
  create_document(call, std::move(*document));
}

}  // namespace gantry::apiserver
