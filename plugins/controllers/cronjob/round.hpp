// One look at one CronJob: cleans up after Jobs that ended, notes what became of the others, starts what is due, and
// writes the status. Made for one reconcile, on its worker; borrows zones and memory.
#pragma once

#include <string>
#include <vector>

#include "gantry/controller.hpp"
#include "jobs.hpp"
#include "memory.hpp"
#include "timetable.hpp"

namespace gantry::cronjob {

class Round {
 public:
  // `jobs` are those that the CronJob controls.
  Round(const sdk::Host& host, batchv1::CronJob cron_job, std::vector<batchv1::Job> jobs, Zones& zones, Memory& memory);
  Expected<sdk::Controller::Result> run();

 private:
  void remove_old();
  // In how many milliseconds to look again; 0: when something changes.
  Expected<int64_t> step();
  Status look_at_jobs();
  Status look_at(const batchv1::Job& job);
  void note_success(const batchv1::Job& job);
  Status drop_missing();
  Status start_if_allowed(int64_t scheduled_ns);
  Status replace_active();
  Status start(int64_t scheduled_ns);
  // The Job that has the name of a run already; null: it is none of ours, or is known.
  Expected<std::optional<batchv1::Job>> started_before(const std::string& name) const;
  bool remove_job(const std::string& name, const std::string& uid);

  bool is_active(std::string_view uid) const;
  void drop_active(std::string_view uid);
  void event(std::string_view type, std::string_view reason, const std::string& message) const;
  // Of what will be seen again at the next look: told the first time. `about`: what makes it another time.
  void tell_once(std::string_view type, std::string_view reason, const std::string& message,
                 const std::string& about = {}) const;

  const sdk::Host& host_;
  const batchv1::CronJob cron_job_;
  const std::vector<batchv1::Job> jobs_;
  Zones& zones_;
  Memory& memory_;
  const Memory::Key key_;
  const std::string& uid_;
  const int64_t now_ns_;
  batchv1::CronJobStatus status_;
  bool changed_ = false;
};

}  // namespace gantry::cronjob
