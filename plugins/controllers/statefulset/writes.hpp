// What a reconcile of a StatefulSet writes: collected, sent all at once (the server commits it together), each told of
// in an Event about the set. [worker]
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/host.hpp"
#include "identity.hpp"
#include "k8s.io/api/apps/v1/controller_revision.pb.h"

namespace gantry::statefulset {

class Writes {
 public:
  // Borrows both.
  Writes(const sdk::Host& host, const StatefulSet& set) : host_(host), set_(set) {}

  void create(const Pod& pod);
  void update(const Pod& pod);
  // This very pod; that it is gone, or another one has its name, is no failure.
  void remove(const Pod& pod);
  // For a pod of this name. That it is there already is no failure: it is looked at again.
  void create(const PersistentVolumeClaim& claim, const std::string& pod);
  void update(const PersistentVolumeClaim& claim);
  void remove(const appsv1::ControllerRevision& revision);
  void status(appsv1::StatefulSetStatus status);

  bool empty() const { return requests_.empty(); }
  // A Status for each, in the order of their adding; nothing is left to send then.
  std::vector<Status> send();

  // "create Pod web-0 in StatefulSet web successful", or failed.
  void tell(std::string_view verb, const std::string& pod, const Status& outcome) const;

 private:
  using Answer = Expected<sdk::ApiResponse>;
  using Judge = std::function<Status(const Answer&)>;

  void add(sdk::ApiRequest request, Judge judge);
  void tell_of_claim(const std::string& claim, const std::string& pod, const Status& outcome) const;
  void event(std::string_view type, std::string_view reason, const std::string& message) const;

  const sdk::Host& host_;
  const StatefulSet& set_;
  std::vector<sdk::ApiRequest> requests_;
  std::vector<Judge> judges_;
};

}  // namespace gantry::statefulset
