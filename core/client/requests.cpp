// Shorthands that build ApiRequests, and the blocking call. [any-thread]
#include <chrono>
#include <future>

#include "core/client/client.hpp"
#include "core/simulation/turns.hpp"

namespace gantry::client {
namespace {

ApiRequest request_for(const ResourceRef& ref, std::string_view ns, std::string_view name, ApiRequest::Verb verb) {
  ApiRequest request;
  request.set_verb(verb);
  request.set_group(ref.group);
  request.set_version(ref.version);
  request.set_resource(ref.resource);
  request.set_namespace_(std::string(ns));
  request.set_name(std::string(name));
  return request;
}

}  // namespace

Expected<ApiResponse> Client::call(ApiRequest request) {
  // Shared with the callback, which may come after the wait has been given up.
  struct Answer {
    simulation::Await await;
    std::promise<Expected<ApiResponse>> promise;
  };
  auto shared = std::make_shared<Answer>();
  auto answer = shared->promise.get_future();
  call(std::move(request), [shared](Expected<ApiResponse> response) {
    shared->await.answered();
    shared->promise.set_value(std::move(response));
  });
  const auto waited = shared->await.wait([&] { return answer.wait_for(std::chrono::seconds(30)); });
  if (waited != std::future_status::ready) {
    return Status::timeout("no answer from the API server within 30 seconds");
  }
  return answer.get();
}

ApiRequest get_request(const ResourceRef& ref, std::string_view ns, std::string_view name) {
  return request_for(ref, ns, name, ApiRequest::GET);
}

ApiRequest create_request(const ResourceRef& ref, std::string_view ns, std::string body) {
  auto request = request_for(ref, ns, {}, ApiRequest::CREATE);
  request.set_body(std::move(body));
  return request;
}

ApiRequest update_request(const ResourceRef& ref, std::string_view ns, std::string_view name, std::string body,
                          std::string_view subresource) {
  auto request = request_for(ref, ns, name, ApiRequest::UPDATE);
  request.set_body(std::move(body));
  request.set_subresource(std::string(subresource));
  return request;
}

ApiRequest patch_request(const ResourceRef& ref, std::string_view ns, std::string_view name, std::string json,
                         ApiRequest::PatchType type, std::string_view subresource) {
  auto request = request_for(ref, ns, name, ApiRequest::PATCH);
  request.set_body(std::move(json));
  request.set_patch_type(type);
  request.set_subresource(std::string(subresource));
  return request;
}

ApiRequest delete_request(const ResourceRef& ref, std::string_view ns, std::string_view name) {
  return request_for(ref, ns, name, ApiRequest::DELETE);
}

}  // namespace gantry::client
