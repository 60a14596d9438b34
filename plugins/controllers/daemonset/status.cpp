#include "status.hpp"

#include "gantry/pods.hpp"

namespace gantry::daemonset {

appsv1::DaemonSetStatus next_status(const View& view, const Seats& seats) {
  auto status = view.set.status();
  int32_t wanted = 0, current = 0, misplaced = 0, ready = 0, updated = 0, available = 0;
  for (const auto& seat : seats.all) {
    if (!seat.fit.wanted) {
      misplaced += !seat.pods.empty();
      continue;
    }
    ++wanted;
    if (seat.pods.empty()) continue;
    const Pod& pod = *seat.pods.front();
    ++current;
    ready += sdk::is_ready(pod);
    available += view.is_available(pod);
    updated += view.is_new(pod);
  }
  status.set_current_number_scheduled(current);
  status.set_number_misscheduled(misplaced);
  status.set_desired_number_scheduled(wanted);
  status.set_number_ready(ready);
  status.set_updated_number_scheduled(updated);
  status.set_number_available(available);
  status.set_number_unavailable(wanted - available);
  status.set_observed_generation(view.set.metadata().generation());
  return status;
}

bool same_status(const appsv1::DaemonSetStatus& a, const appsv1::DaemonSetStatus& b) {
  return a.current_number_scheduled() == b.current_number_scheduled() &&
         a.number_misscheduled() == b.number_misscheduled() &&
         a.desired_number_scheduled() == b.desired_number_scheduled() && a.number_ready() == b.number_ready() &&
         a.updated_number_scheduled() == b.updated_number_scheduled() && a.number_available() == b.number_available() &&
         a.number_unavailable() == b.number_unavailable() && a.observed_generation() == b.observed_generation() &&
         a.collision_count() == b.collision_count();
}

}  // namespace gantry::daemonset
