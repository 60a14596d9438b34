#include "new_pods.hpp"

#include <algorithm>
#include <string>

#include "gantry/ownership.hpp"
#include "gantry/pod_template.hpp"

namespace gantry::job {
namespace {

constexpr char kIndexVariable[] = "JOB_COMPLETION_INDEX";
constexpr size_t kLongestBase = 58;  // of a generated name, without the server's five characters

void tell_index(google::protobuf::RepeatedPtrField<corev1::Container>& containers) {
  for (auto& container : containers) {
    const bool told = std::any_of(container.env().begin(), container.env().end(),
                                  [](const auto& variable) { return variable.name() == kIndexVariable; });
    if (told) continue;
    auto& variable = *container.add_env();
    variable.set_name(kIndexVariable);
    variable.mutable_value_from()->mutable_field_ref()->set_field_path("metadata.labels['" + std::string(kIndex) +
                                                                       "']");
  }
}

// The index stays, whatever has to be cut.
std::string base_of_name(const std::string& job, const std::string& index) {
  const std::string end = "-" + index + "-";
  return job.substr(0, std::min(job.size(), kLongestBase - end.size())) + end;
}

}  // namespace

NewPods::NewPods(const batchv1::Job& job)
    : job_(job),
      pod_(sdk::pod_from_template(job.spec().template_(), job.metadata(),
                                  sdk::controller_reference(job.metadata(), kApiVersion, kKind))) {
  if (!sdk::has_finalizer(pod_.metadata(), kTracking)) pod_.mutable_metadata()->add_finalizers(kTracking);
  if (!is_indexed(job)) return;
  tell_index(*pod_.mutable_spec()->mutable_init_containers());
  tell_index(*pod_.mutable_spec()->mutable_containers());
}

corev1::Pod NewPods::at(int64_t index, const JobPod* replaced) const {
  corev1::Pod pod = pod_;
  auto& meta = *pod.mutable_metadata();
  const std::string number = std::to_string(index);
  (*meta.mutable_annotations())[kIndex] = number;
  (*meta.mutable_labels())[kIndex] = number;
  meta.set_generate_name(base_of_name(job_.metadata().name(), number));
  pod.mutable_spec()->set_hostname(job_.metadata().name() + "-" + number);
  if (!job_.spec().has_backoff_limit_per_index()) return pod;
  int32_t failures = 0, ignored = 0;
  if (replaced != nullptr) {
    failures = count_in(replaced->pod, kIndexFailures);
    ignored = count_in(replaced->pod, kIndexIgnored);
    ++(replaced->match.counts() ? failures : ignored);
  }
  (*meta.mutable_annotations())[kIndexFailures] = std::to_string(failures);
  if (ignored > 0) (*meta.mutable_annotations())[kIndexIgnored] = std::to_string(ignored);
  return pod;
}

}  // namespace gantry::job
