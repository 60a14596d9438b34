// What the steps for new pods have in common. Pure, any thread.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "core/admission/step.hpp"
#include "core/schema/values/json_access.hpp"

namespace gantry::admission {

// A step that does something to the specification of a new pod.
class NewPodStep : public Step {
 public:
  bool handles(const WriteRequest& request) const override { return request.creates("", "pods"); }
  Answer mutate(WriteRequest& request, Pause&) const override {
    auto* document = request.object->if_object();
    auto* spec = document == nullptr ? nullptr : schema::get_object(*document, "spec");
    return spec == nullptr ? kPass : Answer(change(request, *spec));
  }

 private:
  virtual Status change(const WriteRequest& request, boost::json::object& spec) const = 0;
};

}  // namespace gantry::admission
