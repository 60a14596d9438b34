// Copies of files and folders with all that belongs to them: owner, mode, times, capabilities, links. No state; any
// thread.
#pragma once

#include <sys/stat.h>

#include "files.hpp"

namespace gantry::oci {

// What copies may still take; over it: 413.
struct CopyBudget {
  uint64_t bytes = 0, entries = 0;
};

// A file, link, device or fifo called `name`, which the other folder does not have; never a folder.
Status copy_node(int from, int to, const std::string& name, CopyBudget& budget);

// Everything in the folder `from`, and the folder's own attributes, into the empty folder `to`. Files that are one stay
// one. Links are copied, not followed; mounts below are entered. At most 256 folders deep.
Status copy_folder(int from, int to, CopyBudget& budget);

// Owner, mode, `user.` attributes and capabilities of one file, link or folder for another; both may be O_PATH.
Status copy_attributes(int from, int to, const struct stat& info);

}  // namespace gantry::oci
