// The Job controller: makes the pods that a Job wants, replaces those that fail as its policies say, and counts each
// that is over exactly once.
//
// What must survive lives in the API: in the Job's status and in the tracking finalizer of its pods (sync.hpp). What is
// kept here beside that, the back-off after failures, is found again from the pods. reconcile runs on the host's
// workers, map on any thread; the host holds a Job back until its own writes are seen.
//
// Keys are Jobs, and of what no Job will count, "JOB/UID" (the pods of a Job that may be gone or done) and "/POD" (a
// pod that nobody controls); no name has a slash in it.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gantry/controller.hpp"
#include "sync.hpp"

namespace gantry::job {

class JobController : public sdk::Controller {
 public:
  using Controller::Controller;

  abi::ControllerSpec spec() const override;
  Expected<Result> reconcile(const Key& key) override;
  void map(const abi::ObjectEvent& event, const Emit& emit) override;
  Status configure() override;

 private:
  using Name = std::pair<std::string, std::string>;

  Expected<Result> sync(const Name& name, batchv1::Job job);
  Status clean_up(const std::string& ns, std::string_view name, std::string_view uid) const;
  // Of a Job that was here under this name, unless it is `uid`, which is.
  Status forget(const Name& name, std::string_view uid);
  std::optional<Notes> notes_of(const Name& name) const;

  int64_t workers_ = 5;
  int64_t burst_ = 500;
  mutable std::mutex mutex_;
  std::map<Name, Notes> notes_;  // of each Job that is at work
};

}  // namespace gantry::job
