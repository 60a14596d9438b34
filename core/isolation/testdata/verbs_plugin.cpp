// A plugin with gantry.network/1, gantry.overlay/1, gantry.runtime/1 and gantry.reload/1 for isolation_test: verbs echo
// what they were asked.
#include <unistd.h>

#include <atomic>
#include <string>

#include "gantry/abi/draft/overlay.h"
#include "gantry/abi/network.h"
#include "gantry/abi/reload.h"
#include "gantry/abi/runtime.h"
#include "gantry/plugin.hpp"

namespace {

using gantry::Buffer;
using gantry::Expected;
using gantry::fill_buffer;
using gantry::Status;
using gantry::to_view;

std::string read_all(int fd) {
  std::string text;
  char block[256];
  ssize_t got;
  while ((got = ::read(fd, block, sizeof block)) > 0) text.append(block, static_cast<size_t>(got));
  return text;
}

class Verbs {
 public:
  static Expected<std::unique_ptr<Verbs>> create(gantry::sdk::Host) { return std::make_unique<Verbs>(); }

  const void* get_interface(std::string_view id) {
    static const gantry_network network = {
        sizeof(gantry_network), &verb<'a'>, &verb<'b'>, &verb<'c'>, &verb<'d'>, nullptr, &verb<'f'>};
    static const gantry_overlay overlay = {sizeof(gantry_overlay), &verb<'n'>, &verb<'o'>};
    static const gantry_reload reload = {sizeof(gantry_reload), &save, &restore};
    static const gantry_runtime runtime = make_runtime();
    if (id == GANTRY_NETWORK_ID) return &network;
    if (id == GANTRY_OVERLAY_ID) return &overlay;
    if (id == GANTRY_RELOAD_ID) return &reload;
    return id == GANTRY_RUNTIME_ID ? &runtime : nullptr;
  }

 private:
  static Verbs& self(void* instance) { return *static_cast<Verbs*>(instance); }

  template <char name>
  static gantry_code verb(void*, gantry_slice request, gantry_buffer* response, gantry_buffer* error) {
    if (to_view(request) == "fail") return gantry::fail(Status::conflict(std::string("verb ") + name), error);
    fill_buffer(response, std::string(1, name) + ":" + std::string(to_view(request)));
    return 0;
  }

  static gantry_code save(void* instance, gantry_buffer* state, gantry_buffer*) {
    fill_buffer(state, self(instance).state_);
    return 0;
  }
  static gantry_code restore(void* instance, gantry_slice state, gantry_buffer* error) {
    if (to_view(state) == "bad") return gantry::fail(Status::invalid("a state of the future"), error);
    self(instance).state_ = std::string(to_view(state));
    return 0;
  }

  static gantry_code import_image(void*, int32_t archive, gantry_slice request, gantry_buffer* response,
                                  gantry_buffer*) {
    fill_buffer(response, std::string(to_view(request)) + "=" + read_all(archive));
    return 0;
  }
  // "cat": copies in to out, then ends with 7. "wait": until it is cancelled. "die": the process ends.
  static gantry_code exec(void* instance, gantry_slice request, int32_t in, int32_t out, int32_t err,
                          gantry_exec_exit exited, void* context, uint64_t* exec_id, gantry_buffer* error) {
    const auto what = to_view(request);
    *exec_id = 41;
    if (what == "cat") {
      const auto text = read_all(in);
      [[maybe_unused]] const auto written = ::write(out, text.data(), text.size());
    }
    for (const int fd : {in, out, err}) {
      if (fd >= 0) ::close(fd);
    }
    if (what == "refuse") return gantry::fail(Status::not_found("no such container"), error);
    if (what == "cat") {
      exited(context, 0, err < 0 ? 7 : 8, {});
    } else {
      self(instance).exited_ = exited;
      self(instance).context_ = context;
    }
    return 0;
  }
  static void exec_resize(void* instance, uint64_t id, uint16_t columns, uint16_t rows) {
    self(instance).state_ = std::to_string(id) + ":" + std::to_string(columns) + "x" + std::to_string(rows);
  }
  static void exec_cancel(void* instance, uint64_t id) {
    if (id == 41) self(instance).exited_(self(instance).context_, 0, 137, {});
  }
  static void set_event_sink(void* instance, gantry_runtime_event sink, void* context) {
    (void)instance;
    if (sink != nullptr) sink(context, gantry::to_slice("sandbox"), gantry::to_slice("container"));
  }
  static gantry_code die(void*, gantry_slice, gantry_buffer*, gantry_buffer*) { ::_exit(9); }

  static gantry_runtime make_runtime() {
    gantry_runtime table = {};
    table.size = sizeof table;
    table.version = &verb<'v'>;
    table.pull_image = &verb<'p'>;
    table.list_container_stats = &verb<'s'>;
    table.status = &die;
    table.import_image = &import_image;
    table.exec = &exec;
    table.exec_resize = &exec_resize;
    table.exec_cancel = &exec_cancel;
    table.set_event_sink = &set_event_sink;
    table.signal_container = &verb<'k'>;
    return table;
  }

  std::string state_ = "first";
  gantry_exec_exit exited_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace

GANTRY_PLUGIN(Verbs, "verbs", "0.1.0", "tests", "Echoes", GANTRY_NETWORK_ID, GANTRY_OVERLAY_ID, GANTRY_RUNTIME_ID,
              GANTRY_RELOAD_ID);
