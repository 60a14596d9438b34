// The initial objects, made the way a client would make them.
#include "core/apiserver/bootstrap.hpp"

#include <condition_variable>

#include "core/apiserver/verbs/verbs.hpp"
#include "core/simulation/turns.hpp"

namespace gantry::apiserver {
namespace {

// Waits for the one answer.
class Waiter : public http::Exchange {
 public:
  void respond(http::Response response) override {
    await_.answered();
    std::lock_guard lock(mutex_);
    response_ = std::move(response);
    changed_.notify_all();
  }
  std::shared_ptr<http::Stream> start_stream(int, std::string) override { return nullptr; }
  std::shared_ptr<http::ByteStream> upgrade_bytes(http::Headers) override { return nullptr; }
  std::shared_ptr<http::MessageStream> upgrade_websocket(std::string) override { return nullptr; }

  Status wait(const std::string& what) {
    const bool answered = await_.wait([this] {
      std::unique_lock lock(mutex_);
      return changed_.wait_for(lock, std::chrono::seconds(60), [this] { return response_.has_value(); });
    });
    if (!answered) {
      return Status::timeout("the store did not answer while " + what + " was made");
    }
    if (response_->code == 201 || response_->code == 409) return {};
    std::string body;
    for (const auto& chunk : response_->body) body.append(chunk.bytes);
    return Status::internal(what + " cannot be made: " + body);
  }

 private:
  simulation::Await await_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<http::Response> response_;
};

Status ensure(const EnvironmentPtr& env, const schema::SchemaPtr& schema, const schema::Kind& kind,
              const std::string& name) {
  if (env->store.get(key_of(kind, {}, name))) return {};
  auto waiter = std::make_shared<Waiter>();
  auto call = std::make_shared<Call>();
  call->env = env;
  call->schema = schema;
  call->request.identity.user = "system:apiserver";
  call->request.identity.groups = {"system:masters"};
  call->exchange = waiter;
  call->target.kind = &kind;
  create_document(
      call,
      JsonObject{{"kind", kind.kind}, {"apiVersion", kind.api_version()}, {"metadata", JsonObject{{"name", name}}}});
  return waiter->wait(kind.kind + " " + name);
}

}  // namespace

Status ensure_initial_objects(const EnvironmentPtr& env) {
  const auto schema = env->schemas.now();
  for (const auto* kind : schema->kinds()) {
    for (const auto name : kind->behavior->initial) {
      if (auto status = ensure(env, schema, *kind, std::string(name)); !status.ok()) return status;
    }
  }
  return {};
}

}  // namespace gantry::apiserver
