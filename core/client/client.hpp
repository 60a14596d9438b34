// One client interface to the Kubernetes API: in-process, and over HTTPS with a kubeconfig.
//
// Objects are protobuf bytes of sdk/proto/k8s.io (no envelope). The same messages as the plugin ABI's
// (gantry.abi.ApiRequest).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/http/http.hpp"
#include "gantry/abi.pb.h"
#include "gantry/status.hpp"

namespace gantry::client {

using ApiRequest = gantry::abi::ApiRequest;
using ApiResponse = gantry::abi::ApiResponse;
using Done = std::function<void(Expected<ApiResponse>)>;

// Shared read-only bytes of one object (plain protobuf).
using Object = http::Chunk;

struct WatchEvent {
  enum class Type : uint8_t { kAdded, kModified, kDeleted, kBookmark };
  Type type = Type::kAdded;
  Object object;
};

struct WatchRequest {
  std::string group, version, resource, ns;
  std::string label_selector, field_selector;
  std::string resource_version;
  bool metadata_only = false;
};

struct WatchHandler {
  std::function<void(WatchEvent)> event;  // in order, one at a time; must not block
  std::function<void(Status)> ended;      // once: ok (server closed), Expired (410: list again), or why
};

// Ends the watch when destroyed; no callback runs afterwards (unless destroyed from inside one).
class Watch {
 public:
  virtual ~Watch() = default;
};

class Client {
 public:
  virtual ~Client() = default;
  virtual void call(ApiRequest request, Done done) = 0;  // [any-thread], done on any thread
  virtual std::unique_ptr<Watch> watch(WatchRequest request, WatchHandler handler) = 0;
  // A list whose objects are shared buffers, for caches.
  struct List {
    std::vector<Object> objects;
    std::string resource_version;
  };
  virtual void list(WatchRequest request, std::function<void(Expected<List>)> done) = 0;

  // Waits for call, at most 30 s. Never on a network thread.
  Expected<ApiResponse> call(ApiRequest request);
};

// Calls the handler directly as `identity`; no sockets, no TLS. The handler must outlive the client.
std::unique_ptr<Client> make_local_client(http::Handler& handler, http::Identity identity);

// Typed shorthand: encode a request for verb+resource, parse the answer's first object.
struct ResourceRef {
  std::string group, version, resource;
};
template <typename Message>
Expected<Message> parse_object(const Expected<ApiResponse>& response) {
  if (!response) return Status(response.error());
  Message message;
  if (response->objects_size() != 1 || !message.ParseFromString(response->objects(0))) {
    return Status::internal("the server's answer could not be decoded");
  }
  return message;
}
ApiRequest get_request(const ResourceRef& ref, std::string_view ns, std::string_view name);
ApiRequest create_request(const ResourceRef& ref, std::string_view ns, std::string body);
ApiRequest update_request(const ResourceRef& ref, std::string_view ns, std::string_view name, std::string body,
                          std::string_view subresource = {});
ApiRequest patch_request(const ResourceRef& ref, std::string_view ns, std::string_view name, std::string json,
                         ApiRequest::PatchType type, std::string_view subresource = {});
ApiRequest delete_request(const ResourceRef& ref, std::string_view ns, std::string_view name);

}  // namespace gantry::client
