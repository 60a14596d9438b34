// Plugins that were on the stack when the daemon ended by a fatal signal or by exit(): kept in a file, so that the next
// start knows.
//
// Nothing is written at a call: a handler of the signal walks the crashing thread's stack, finds a plugin's image on it
// and appends a line. A CallMark says what the thread was about, and stands in where the stack can't be walked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/status.hpp"

namespace gantry::plugin {

// One image that the daemon maps, known to the handler for as long as this lives.
class MappedImage {
 public:
  // `copy` is the file that is mapped; `key` tells image and configuration from others (TriedImages::key). At most 512
  // of them are known at a time.
  MappedImage(std::string name, const std::filesystem::path& copy, std::string key);
  ~MappedImage();
  MappedImage(const MappedImage&) = delete;
  MappedImage& operator=(const MappedImage&) = delete;
  struct Data {
    std::string name, copy, key;
  };
  const Data& data() const { return data_; }

 private:
  const Data data_;
  size_t slot_;
};

// What this thread does for a plugin, from here to the end of the scope: "reconcile", of an object or of nothing. What
// it refers to must outlive it. Costs a few stores to the thread's own memory.
class CallMark {
 public:
  CallMark(const MappedImage* image, const char* verb, std::string_view ns = {}, std::string_view name = {})
      : image_(image), verb_(verb), ns_(ns), name_(name), outer_(innermost_) {
    innermost_ = this;
    if (!prepared_) prepare_thread();
  }
  ~CallMark() { innermost_ = outer_; }
  CallMark(const CallMark&) = delete;
  CallMark& operator=(const CallMark&) = delete;

 private:
  friend struct CrashHandler;
  // Gives the thread a stack for the handler, should its own be used up.
  static void prepare_thread();
  inline static constinit thread_local CallMark* innermost_ = nullptr;
  inline static constinit thread_local bool prepared_ = false;
  const MappedImage* image_;
  const char* verb_;
  std::string_view ns_, name_;
  CallMark* outer_;
};

struct Crash {
  std::string name, key;
  std::string cause;  // "killed by SIGSEGV", "exited with status 3"
  std::string what;   // "reconcile of default/web"; may be empty
  std::string when;   // "2026-11-27T10:00:00Z"
  // "it was at work (reconcile of default/web) when the daemon was killed by SIGSEGV, 2026-11-27T10:00:00Z"
  std::string sentence() const;
};

// The file. One object a process may record, the last one made; others only read. [any-thread]
class CrashRecord {
 public:
  // Reads what earlier runs left; a missing file is an empty one. With `record` this process's end is recorded, too:
  // the file is made, and handlers of fatal signals are installed in front of those that were there.
  CrashRecord(std::filesystem::path file, bool record);
  ~CrashRecord();
  CrashRecord(const CrashRecord&) = delete;
  CrashRecord& operator=(const CrashRecord&) = delete;

  const Status& trouble() const { return trouble_; }  // why nothing is recorded
  std::vector<Crash> all() const;
  bool knows(const std::string& name) const;
  // Of this plugin, if it was this image with this configuration; what is known of others of its name is forgotten.
  std::optional<Crash> find(const std::string& name, const std::string& key);
  bool forget(const std::string& name);

 private:
  void read();
  void write() const;

  const std::filesystem::path file_;
  int fd_ = -1;
  Status trouble_;
  mutable std::mutex mutex_;
  std::vector<Crash> crashes_;
};

}  // namespace gantry::plugin
