// The initial namespaces, made the way a client would make them.
#include "core/apiserver/bootstrap.hpp"

#include <condition_variable>

#include "core/apiserver/verbs.hpp"
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

  Status wait(const std::string& name) {
    const bool answered = await_.wait([this] {
      std::unique_lock lock(mutex_);
      return changed_.wait_for(lock, std::chrono::seconds(60), [this] { return response_.has_value(); });
    });
    if (!answered) {
      return Status::timeout("the store did not answer while namespace " + name + " was made");
    }
    if (response_->code == 201 || response_->code == 409) return {};
    std::string body;
    for (const auto& chunk : response_->body) body.append(chunk.bytes);
    return Status::internal("namespace " + name + " cannot be made: " + body);
  }

 private:
  simulation::Await await_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<http::Response> response_;
};

}  // namespace

Status ensure_namespaces(const EnvironmentPtr& env) {
  const auto schema = env->schemas.now();
  const auto* kind = schema->find_resource("", "v1", "namespaces");
  if (kind == nullptr) return Status::internal("the schema has no namespaces");
  for (const std::string name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    if (env->store.get(key_of(*kind, {}, name))) continue;
    auto waiter = std::make_shared<Waiter>();
    auto call = std::make_shared<Call>();
    call->env = env;
    call->schema = schema;
    call->exchange = waiter;
    call->target.kind = kind;
    create_document(call,
                    JsonObject{{"kind", "Namespace"}, {"apiVersion", "v1"}, {"metadata", JsonObject{{"name", name}}}});
    if (auto status = waiter->wait(name); !status.ok()) return status;
  }
  return {};
}

}  // namespace gantry::apiserver
