// For tests: a disk below SQLite that loses what was not synced when its power is cut, and that can be full or broken.
//
// While it lives it is SQLite's default VFS, over the real one. Files are real; beside each it remembers what was on
// the disk at the last sync and what was written since. Every function [any-thread], but for restore() and destruction:
// then no database is open.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace gantry::store {

class ForgetfulDisk {
 public:
  ForgetfulDisk();
  ~ForgetfulDisk();
  ForgetfulDisk(const ForgetfulDisk&) = delete;
  ForgetfulDisk& operator=(const ForgetfulDisk&) = delete;

  // The power goes now, or instead of the n-th operation from now on: nothing is written any more.
  void cut();
  void cut_at(int operation);
  bool is_cut() const;
  // Files are what the disk has after the cut: what was synced, and of what was written since what the seed says, in
  // sectors; seed 0: nothing of it. The power is back.
  void restore(uint32_t seed = 0);

  // While it says so, files don't grow. Null: there is space.
  void set_full(std::function<bool()> full);
  void fail_syncs(bool fail);
  // Operations so far.
  int operations() const;
  static sqlite3_file* real_of(sqlite3_file* file);

 private:
  struct Change {
    bool truncates = false;
    int64_t offset = 0;  // or the new size
    std::string bytes;
  };
  struct File {
    std::string synced;
    std::vector<Change> since;
  };
  struct Handle;

  static int open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags);
  static int remove(sqlite3_vfs* vfs, const char* name, int sync_folder);
  static int control(sqlite3_file* file, int operation, void* argument);
  static const sqlite3_io_methods* methods();
  // False: the power is off.
  bool powered();
  int write(Handle& handle, const void* bytes, int size, int64_t offset);
  int truncate(Handle& handle, int64_t size);
  int sync(Handle& handle);
  static void apply(const Change& change, std::string& image);
  static void apply_parts(const Change& change, uint32_t& random, std::string& image);

  sqlite3_vfs* const real_;
  sqlite3_vfs vfs_;
  mutable std::mutex mutex_;
  std::map<std::string, File> files_;
  std::function<bool()> full_;
  bool fail_syncs_ = false, cut_ = false;
  int operations_ = 0, cut_at_ = 0;
};

}  // namespace gantry::store
