#include "job_pods.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <charconv>
#include <utility>

#include "gantry/claims.hpp"
#include "gantry/conditions.hpp"
#include "gantry/pods.hpp"

namespace gantry::job {
namespace {

// The bytes of a message's field; empty where it has none.
std::string_view field_of(std::string_view message, int number) {
  using google::protobuf::internal::WireFormatLite;
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(message.data()),
                                            static_cast<int>(message.size()));
  std::string_view found;
  for (uint32_t tag = in.ReadTag(); tag != 0; tag = in.ReadTag()) {
    if (tag != WireFormatLite::MakeTag(number, WireFormatLite::WIRETYPE_LENGTH_DELIMITED)) {
      if (!WireFormatLite::SkipField(&in, tag)) break;
      continue;
    }
    uint32_t size = 0;
    if (!in.ReadVarint32(&size)) break;
    const auto at = static_cast<size_t>(in.CurrentPosition());
    if (at > message.size() || size > message.size() - at) break;
    found = message.substr(at, size);
    in.Skip(static_cast<int>(size));
  }
  return found;
}

int64_t index_of(const corev1::Pod& pod) {
  const auto it = pod.metadata().annotations().find(kIndex);
  if (it == pod.metadata().annotations().end()) return kNoIndex;
  int64_t index = kNoIndex;
  const char* end = it->second.data() + it->second.size();
  const auto read = std::from_chars(it->second.data(), end, index);
  return read.ec == std::errc() && read.ptr == end && index >= 0 ? index : kNoIndex;
}

struct Sink {
  std::vector<corev1::Pod> pods;
  bool all = false;
};

int32_t take(void* context, gantry_slice bytes) {
  auto& sink = *static_cast<Sink*>(context);
  if (!sink.all && is_over_and_counted(to_view(bytes))) return 0;
  corev1::Pod pod;
  if (pod.ParseFromArray(bytes.data, static_cast<int>(bytes.size))) sink.pods.push_back(std::move(pod));
  return 0;
}

// What the Job controls.
Expected<std::vector<corev1::Pod>> own_pods(const sdk::Host& host, const metav1::ObjectMeta& job, bool all) {
  const auto* table = host.get<gantry_cache>(GANTRY_CACHE_ID);
  if (table == nullptr || table->size < sizeof(gantry_cache)) {
    return Status::unavailable("this host offers no indexes of its caches");
  }
  constexpr auto name = ResourceOf<corev1::Pod>::name;
  const gantry_resource pods{to_slice(name.group), to_slice(name.version), to_slice(name.resource)};
  Sink sink{{}, all};
  Buffer failure;
  const auto code = table->by_index(host.raw(), &pods, to_slice("metadata.controller"), to_slice(job.uid()),
                                    to_slice(job.namespace_()), to_slice(""), &take, &sink, failure.out());
  if (code != 0) return status_of(code, failure.view());
  return std::move(sink.pods);
}

}  // namespace

bool is_indexed(const batchv1::Job& job) { return job.spec().completion_mode() == "Indexed"; }

bool is_finished(const batchv1::Job& job) {
  return sdk::is_condition_true(job.status().conditions(), "Complete") ||
         sdk::is_condition_true(job.status().conditions(), "Failed");
}

bool is_managed_elsewhere(const batchv1::Job& job) {
  return job.spec().has_managed_by() && job.spec().managed_by() != "kubernetes.io/job-controller";
}

bool replaces_only_failed(const batchv1::Job& job) {
  return job.spec().pod_replacement_policy() == "Failed" || job.spec().has_pod_failure_policy();
}

bool is_over_and_counted(std::string_view pod) {
  const auto phase = field_of(field_of(pod, corev1::Pod::kStatusFieldNumber), corev1::PodStatus::kPhaseFieldNumber);
  if (phase != "Succeeded" && phase != "Failed") return false;
  // Elsewhere in a pod these words may stand, too; then it is decoded for nothing.
  return field_of(pod, corev1::Pod::kMetadataFieldNumber).find(kTracking) == std::string_view::npos;
}

JobPod describe(const batchv1::Job& job, corev1::Pod pod) {
  JobPod out;
  const std::string& phase = pod.status().phase();
  out.index = is_indexed(job) ? index_of(pod) : kNoIndex;
  out.tracked = sdk::has_finalizer(pod.metadata(), kTracking);
  out.succeeded = phase == "Succeeded";
  // One that is being deleted may never have the chance to fail.
  const bool goes = pod.metadata().has_deletion_timestamp() && !replaces_only_failed(job);
  out.failed = phase == "Failed" || (goes && !out.succeeded);
  if (out.failed) out.match = match_failure_policy(job.spec(), pod);
  out.pod = std::move(pod);
  return out;
}

int32_t count_in(const corev1::Pod& pod, const char* annotation) {
  const auto it = pod.metadata().annotations().find(annotation);
  if (it == pod.metadata().annotations().end()) return 0;
  int32_t count = 0;
  const char* end = it->second.data() + it->second.size();
  const auto read = std::from_chars(it->second.data(), end, count);
  return read.ec == std::errc() && read.ptr == end && count > 0 ? count : 0;
}

Expected<std::vector<JobPod>> claim_pods(const sdk::Host& host, const batchv1::Job& job, bool all) {
  const auto& meta = job.metadata();
  const auto& selector = job.spec().selector();
  auto candidates = own_pods(host, meta, all);
  if (!candidates) return std::move(candidates).error();
  auto orphans =
      host.cached_by_index<corev1::Pod>("metadata.controller", "", meta.namespace_(), sdk::selector_text(selector));
  if (!orphans) return std::move(orphans).error();
  std::move(orphans->begin(), orphans->end(), std::back_inserter(*candidates));
  sdk::Claimer claimer(host, ResourceOf<batchv1::Job>::name, meta, sdk::controller_reference(meta, kApiVersion, kKind),
                       selector, ResourceOf<corev1::Pod>::name);
  claimer.with_finalizer(kTracking);
  std::vector<JobPod> pods;
  Status first;
  for (auto& pod : *candidates) {
    auto outcome = claimer.claim(pod.metadata());
    if (outcome && !outcome->adopted.empty() && !pod.ParseFromString(outcome->adopted)) {
      outcome = Status::internal("the server's object could not be decoded");
    }
    if (!outcome) {
      if (first.ok()) first = std::move(outcome).error();
    } else if (outcome->ours) {
      pods.push_back(describe(job, std::move(pod)));
    }
  }
  if (!first.ok()) return first;
  return pods;
}

}  // namespace gantry::job
