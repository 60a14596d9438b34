// isolation = "process": a plugin's .so in a process of its own, behind the same gantry_plugin_api.
//
// open_isolated() starts gantry-plugin-host, which loads the image; api() then has the image's descriptor and functions
// that ask that process. One instance at a time lives in it. When the process crashes, hangs, runs out of memory or
// talks nonsense, all calls into the plugin, those under way and later ones, fail with 503 and a sentence that names
// plugin and cause; nothing else notices. It is then useless: destroy the instance, drop the library, open a new one.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/plugin/library.hpp"
#include "gantry/status.hpp"

namespace gantry::isolation {

struct IsolationOptions {
  std::string name;            // the plugin's, for sentences and its cgroup
  std::filesystem::path copy;  // a private copy of the image; removed with the library, or when opening fails
  std::filesystem::path host;  // the gantry-plugin-host executable
  // How long the process may think about one call; time that the host spends in calls of the plugin's does not count.
  std::chrono::milliseconds call_deadline{30'000};
  // The same for what takes its time by nature: pulling and importing images, exec_sync, stopping containers and
  // sandboxes.
  std::chrono::milliseconds long_call_deadline{2 * 3600 * 1000};
  // The same for every call once the daemon stops (LoadedLibrary::hurry), those under way too.
  std::chrono::milliseconds stop_deadline{2'000};
  // What is larger, either way, is refused with 413.
  size_t max_frame = 16 * 1024 * 1024;
  uint64_t memory_limit = 0;  // bytes; 0: none
  // An existing folder below which a memory cgroup is made for the process (v1: in the memory hierarchy). Empty, or
  // when that fails, a limit is RLIMIT_AS, which counts address space and is inherited by what the plugin starts.
  std::filesystem::path cgroup_dir;
  // Refuses the system calls that a plugin never needs (mount, ptrace, setns, bpf, ...) with EPERM, but for these
  // names. What the plugin starts inherits it: not for a runtime.
  bool seccomp = false;
  std::vector<std::string> seccomp_allow;
  // Told once when the process ended without being asked to, with the cause: "killed by SIGSEGV". That may be during
  // open_isolated, create or destroy too. On a thread of the library, so it must not destroy the library, nor wait for
  // who does.
  std::function<void(const std::string& cause)> on_exit;
};

// Blocks until the image is loaded over there. Any thread; the library belongs to one, as LoadedLibrary says.
Expected<std::unique_ptr<plugin::LoadedLibrary>> open_isolated(IsolationOptions options);

}  // namespace gantry::isolation
