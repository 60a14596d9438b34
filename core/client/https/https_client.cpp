// The in-process client on top of a Remote: one way to speak the API, two ways to carry it.
#include "core/client/https/https_client.hpp"

namespace gantry::client {
namespace {

class HttpsClient : public Client {
 public:
  explicit HttpsClient(std::shared_ptr<Remote> remote)
      : remote_(std::move(remote)), client_(make_local_client(*remote_, {})) {}

  using Client::call;
  void call(ApiRequest request, Done done) override { client_->call(std::move(request), std::move(done)); }
  std::unique_ptr<Watch> watch(WatchRequest request, WatchHandler handler) override {
    return client_->watch(std::move(request), std::move(handler));
  }
  void list(WatchRequest request, std::function<void(Expected<List>)> done) override {
    client_->list(std::move(request), std::move(done));
  }

 private:
  const std::shared_ptr<Remote> remote_;
  const std::unique_ptr<Client> client_;
};

}  // namespace

std::unique_ptr<Client> make_https_client(std::shared_ptr<Remote> remote) {
  return std::make_unique<HttpsClient>(std::move(remote));
}

Expected<std::unique_ptr<Client>> make_https_client(const ServerConfig& config, const RemoteOptions& options) {
  auto remote = Remote::create(config, options);
  if (!remote) return remote.error();
  return make_https_client(std::move(*remote));
}

}  // namespace gantry::client
