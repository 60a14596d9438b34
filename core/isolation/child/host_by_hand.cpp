#include "core/isolation/child/host_by_hand.hpp"

#include <string_view>
#include <vector>

#include "core/isolation/child/host_tables.hpp"
#include "core/isolation/payload.hpp"
#include "core/plugin/member_numbers.hpp"

namespace gantry::isolation {
namespace {

gantry_code give(Reply reply, gantry_buffer* value, gantry_buffer* error) {
  if (reply.code == 0) fill_buffer(value, std::move(reply.response));
  fill_buffer(error, std::move(reply.error));
  return reply.code;
}

PayloadWriter resource_payload(const gantry_resource* resource) {
  PayloadWriter payload;
  payload.bytes(resource->group).bytes(resource->version).bytes(resource->resource);
  return payload;
}
// All parts are here before the first visit: a visitor may ask the host for more, on the same lane.
void visit_all(const std::vector<std::string>& parts, gantry_visit visit, void* context) {
  for (const auto& part : parts) {
    PayloadReader objects(part);
    while (!objects.empty()) {
      if (visit(context, to_slice(objects.bytes())) != 0) return;
    }
  }
}

}  // namespace

namespace by_hand {

int32_t gantry_log_enabled(const gantry_host* host, int32_t level) {
  return level >= 0 && level < 8 ? remote_host(host).log_levels >> level & 1 : 1;
}
void gantry_log_write(const gantry_host* host, int32_t level, gantry_slice message) {
  constexpr size_t kMaxLine = 16 * 1024;
  if (gantry_log_enabled(host, level) == 0) return;
  remote_host(host).link.post(Op::kLogWrite, 0,
                              PayloadWriter().number(level).bytes(to_view(message).substr(0, kMaxLine)).view());
}

uint64_t gantry_timer_start(const gantry_host* host, int64_t delay_ms, void (*fire)(void*), void* context) {
  return remote_host(host).link.start_timer(delay_ms, fire, context);
}
void gantry_timer_cancel(const gantry_host* host, uint64_t id) { remote_host(host).link.cancel_timer(id); }

gantry_code gantry_client_call(const gantry_host* host, gantry_slice request, gantry_buffer* response,
                               gantry_buffer* error) {
  auto reply = Link::on_lane() ? ask(host, op_of(plugin::k_gantry_client_call), to_view(request))
                               : remote_host(host).link.call_elsewhere(to_view(request));
  return give(std::move(reply), response, error);
}
void gantry_client_call_async(const gantry_host* host, gantry_slice request, gantry_call_done done, void* context) {
  remote_host(host).link.call_async(to_view(request), done, context);
}

gantry_code gantry_cache_list(const gantry_host* host, const gantry_resource* resource, gantry_slice ns,
                              gantry_slice selector, gantry_visit visit, void* context, gantry_buffer* error) {
  std::vector<std::string> parts;
  auto reply = ask(host, Op::kCacheList, resource_payload(resource).bytes(ns).bytes(selector).view(), &parts);
  visit_all(parts, visit, context);
  return give(std::move(reply), nullptr, error);
}
gantry_code gantry_cache_by_owner(const gantry_host* host, const gantry_resource* resource, gantry_slice uid,
                                  gantry_visit visit, void* context) {
  std::vector<std::string> parts;
  const auto reply = ask(host, Op::kCacheByOwner, resource_payload(resource).bytes(uid).view(), &parts);
  visit_all(parts, visit, context);
  return reply.code;
}

gantry_code gantry_cache_by_index(const gantry_host* host, const gantry_resource* resource, gantry_slice index,
                                  gantry_slice value, gantry_slice ns, gantry_slice selector, gantry_visit visit,
                                  void* context, gantry_buffer* error) {
  std::vector<std::string> parts;
  const auto payload = resource_payload(resource).bytes(index).bytes(value).bytes(ns).bytes(selector);
  auto reply = ask(host, Op::kCacheByIndex, payload.view(), &parts);
  visit_all(parts, visit, context);
  return give(std::move(reply), nullptr, error);
}

gantry_code gantry_tasks_run(const gantry_host* host, void (*fn)(void*), void* context) {
  return remote_host(host).tasks.run(fn, context);
}

}  // namespace by_hand
}  // namespace gantry::isolation
