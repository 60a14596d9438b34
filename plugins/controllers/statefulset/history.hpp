// The revisions of a StatefulSet: the one that its template is, the one that is being left, and those kept to go back
// to. Made for one reconcile. [worker]
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "gantry/revisions.hpp"
#include "plan.hpp"
#include "writes.hpp"

namespace gantry::statefulset {

class History {
 public:
  // Adopts revisions, makes that of the present template, or gives an old one a new number. `collisions` counts up with
  // names that are taken; it is stored in the status, also after an error.
  static Expected<History> open(const sdk::Host& host, const StatefulSet& set, int32_t& collisions);

  const std::string& current() const { return current_.metadata().name(); }
  const std::string& update() const { return update_.metadata().name(); }
  // What pods of a revision are made from. Of the one that is being left it is read when somebody asks.
  Expected<const corev1::PodTemplateSpec*> current_template();
  const corev1::PodTemplateSpec& update_template() const { return *set_spec_; }

  // Adds the deletion of what is beyond revisionHistoryLimit; the revisions of these pods stay.
  void add_truncation(const StatefulSet& set, const std::vector<Pod>& pods, Writes& writes) const;

 private:
  sdk::Revisions sorted_;
  appsv1::ControllerRevision current_, update_;
  const corev1::PodTemplateSpec* set_spec_ = nullptr;
  std::optional<corev1::PodTemplateSpec> current_template_;
};

}  // namespace gantry::statefulset
