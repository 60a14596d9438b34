// The machine's own counters: how long its processors were busy, and what memory can't be taken back at once. The first
// half is pure; read_machine() reads two small files. [any-thread]
#pragma once

#include <string_view>

#include "core/node/usage/usage_rates.hpp"

namespace gantry::node {

// Of the text of /proc/stat, where a second has `ticks`: all but idle and waiting for disks.
uint64_t busy_ns(std::string_view stat, int64_t ticks);
// Of the text of /proc/meminfo: neither free nor pages of files that nobody used lately. What the kubelet calls the
// working set.
uint64_t working_set(std::string_view meminfo);

MachineCounters read_machine(int64_t now_ns);

}  // namespace gantry::node
