#include "core/isolation/child/host_tables.hpp"

#include <string_view>

#include "core/isolation/host_set.hpp"
#include "core/isolation/payload.hpp"
#include "gantry/status_proto.hpp"

namespace gantry::isolation {
namespace {

RemoteHost& self(const gantry_host* host) { return *static_cast<RemoteHost*>(host->context); }
Link& link_of(const gantry_host* host) { return self(host).link; }

Reply ask(const gantry_host* host, Op op, std::string_view payload, std::vector<std::string>* parts = nullptr) {
  auto& link = link_of(host);
  if (const auto fit = link.fits(op, payload); !fit.ok()) {
    return {fit.code(), {}, to_proto(fit).SerializeAsString()};
  }
  Reply reply;
  if (!Reply::decode(link.call(op, payload, parts), reply)) leave("the daemon's answer can not be read");
  return reply;
}

template <typename T>
T ask_number(const gantry_host* host, Op op, std::string_view payload) {
  if (!link_of(host).fits(op, payload).ok()) return 0;
  const auto answer = link_of(host).call(op, payload);
  return PayloadReader(answer).number<T>();
}

gantry_code give(Reply reply, gantry_buffer* value, gantry_buffer* error) {
  fill_buffer(value, std::move(reply.response));
  fill_buffer(error, std::move(reply.error));
  return reply.code;
}

int32_t log_enabled(const gantry_host* host, int32_t level) {
  return level >= 0 && level < 8 ? self(host).log_levels >> level & 1 : 1;
}
void log_write(const gantry_host* host, int32_t level, gantry_slice message) {
  constexpr size_t kMaxLine = 16 * 1024;
  if (log_enabled(host, level) == 0) return;
  link_of(host).post(Op::kLogWrite, 0,
                     PayloadWriter().number(level).bytes(to_view(message).substr(0, kMaxLine)).view());
}
constexpr gantry_log kLogTable = {sizeof(gantry_log), &log_write, &log_enabled};

template <Op op>
gantry_code config_bytes(const gantry_host* host, gantry_slice key, gantry_buffer* value, gantry_buffer* error) {
  return give(ask(host, op, PayloadWriter().bytes(key).view()), value, error);
}
template <Op op, typename T>
gantry_code config_number(const gantry_host* host, gantry_slice key, T* value, gantry_buffer* error) {
  auto reply = ask(host, op, PayloadWriter().bytes(key).view());
  if (reply.code == 0) *value = static_cast<T>(PayloadReader(reply.response).number<int64_t>());
  return give({reply.code, {}, std::move(reply.error)}, nullptr, error);
}
constexpr gantry_config kConfigTable = {sizeof(gantry_config),
                                        &config_bytes<Op::kConfigString>,
                                        &config_number<Op::kConfigInt, int64_t>,
                                        &config_number<Op::kConfigBool, int32_t>,
                                        &config_bytes<Op::kConfigStrings>,
                                        &config_bytes<Op::kConfigDaemon>};

template <Op op>
int64_t clock_read(const gantry_host* host) {
  return ask_number<int64_t>(host, op, {});
}
constexpr gantry_clock kClockTable = {sizeof(gantry_clock), &clock_read<Op::kClockNow>,
                                      &clock_read<Op::kClockMonotonic>};

uint64_t timer_start(const gantry_host* host, int64_t delay_ms, void (*fire)(void*), void* context) {
  return link_of(host).start_timer(delay_ms, fire, context);
}
void timer_cancel(const gantry_host* host, uint64_t id) { link_of(host).cancel_timer(id); }
constexpr gantry_timer kTimerTable = {sizeof(gantry_timer), &timer_start, &timer_cancel};

uint64_t metric_declare(const gantry_host* host, int32_t kind, gantry_slice name, gantry_slice help,
                        gantry_slice labels) {
  return ask_number<uint64_t>(host, Op::kMetricDeclare,
                              PayloadWriter().number(kind).bytes(name).bytes(help).bytes(labels).view());
}
void metric_record(const gantry_host* host, uint64_t metric, double value) {
  if (metric != 0) link_of(host).post(Op::kMetricRecord, 0, PayloadWriter().number(metric).number(value).view());
}
constexpr gantry_metrics kMetricsTable = {sizeof(gantry_metrics), &metric_declare, &metric_record};

gantry_code client_call(const gantry_host* host, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
  return give(link_of(host).client_call(to_view(request)), response, error);
}
void client_async(const gantry_host* host, gantry_slice request, gantry_call_done done, void* context) {
  link_of(host).call_async(to_view(request), done, context);
}
constexpr gantry_client kClientTable = {sizeof(gantry_client), &client_call, &client_async};

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
gantry_code cache_get(const gantry_host* host, const gantry_resource* resource, gantry_slice ns, gantry_slice name,
                      gantry_buffer* object) {
  return give(ask(host, Op::kCacheGet, resource_payload(resource).bytes(ns).bytes(name).view()), object, nullptr);
}
gantry_code cache_list(const gantry_host* host, const gantry_resource* resource, gantry_slice ns, gantry_slice selector,
                       gantry_visit visit, void* context, gantry_buffer* error) {
  std::vector<std::string> parts;
  auto reply = ask(host, Op::kCacheList, resource_payload(resource).bytes(ns).bytes(selector).view(), &parts);
  visit_all(parts, visit, context);
  return give(std::move(reply), nullptr, error);
}
gantry_code cache_by_owner(const gantry_host* host, const gantry_resource* resource, gantry_slice uid,
                           gantry_visit visit, void* context) {
  std::vector<std::string> parts;
  const auto reply = ask(host, Op::kCacheByOwner, resource_payload(resource).bytes(uid).view(), &parts);
  visit_all(parts, visit, context);
  return reply.code;
}
constexpr gantry_cache kCacheTable = {sizeof(gantry_cache), &cache_get, &cache_list, &cache_by_owner};

void queue_after(const gantry_host* host, gantry_slice ns, gantry_slice name, int64_t delay_ms) {
  link_of(host).post(Op::kQueueAdd, 0, PayloadWriter().bytes(ns).bytes(name).number(delay_ms).view());
}
void queue_add(const gantry_host* host, gantry_slice ns, gantry_slice name) { queue_after(host, ns, name, 0); }
constexpr gantry_queue kQueueTable = {sizeof(gantry_queue), &queue_add, &queue_after};

void event_record(const gantry_host* host, gantry_slice regarding, gantry_slice type, gantry_slice reason,
                  gantry_slice message) {
  link_of(host).post(Op::kEventRecord, 0,
                     PayloadWriter().bytes(regarding).bytes(type).bytes(reason).bytes(message).view());
}
constexpr gantry_events kEventsTable = {sizeof(gantry_events), &event_record};

gantry_code tasks_run(const gantry_host* host, void (*fn)(void*), void* context) {
  return self(host).tasks.run(fn, context);
}
constexpr gantry_tasks kTasksTable = {sizeof(gantry_tasks), &tasks_run};

constexpr std::array<const void*, kHostBits> kTables = {&kLogTable,     &kConfigTable, &kClockTable, &kTimerTable,
                                                        &kMetricsTable, &kClientTable, &kCacheTable, &kQueueTable,
                                                        &kEventsTable,  &kTasksTable};

const void* find_interface(const gantry_host* host, const char* id) {
  for (size_t bit = 0; bit < kHostBits; ++bit) {
    if (std::string_view(id) == kHostIds[bit]) return (self(host).offered >> bit & 1) != 0 ? kTables[bit] : nullptr;
  }
  return nullptr;
}

}  // namespace

RemoteHost::RemoteHost(Link& to, Tasks& workers) : link(to), tasks(workers) {
  host = {sizeof(gantry_host), GANTRY_ABI_MAJOR, GANTRY_ABI_MINOR, this, &find_interface};
}

}  // namespace gantry::isolation
