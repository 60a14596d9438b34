// One step of the chain: what a file of this folder is written with.
//
// A step answers at once, or takes a Resume and answers later, from any thread: a request that waits for it holds up
// nobody else. Steps are shared by all requests and keep no state of one. [any-thread, also network threads: they must
// not block]
#pragma once

#include <string_view>

#include "core/admission/request.hpp"
#include "core/limits/later.hpp"
#include "core/schema/rules/kind_errors.hpp"
#include "gantry/status.hpp"

namespace gantry::admission {

// A step's answer: ok lets the request pass, an error is the request's answer. One that comes later may find that the
// request has ended: at its deadline, with its peer, or with the server.
using limits::Answer;
using limits::kLater;
using limits::kPass;
using limits::Pause;
using limits::Resume;

class Step {
 public:
  virtual ~Step() = default;
  // As upstream calls its admission plugin, in messages and metrics.
  virtual std::string_view name() const = 0;
  virtual bool handles(const WriteRequest& request) const = 0;
  // Before defaults and validation; may change request.object.
  virtual Answer mutate(WriteRequest& request, Pause&) const {
    static_cast<void>(request);
    return kPass;
  }
  // After them, with what is going to be stored.
  virtual Answer validate(const WriteRequest& request, Pause&) const {
    static_cast<void>(request);
    return kPass;
  }
};

// `pods "x" is forbidden: why`.
inline Status refused(const WriteRequest& request, std::string_view why, std::vector<StatusCause> causes = {}) {
  return schema::forbidden(*request.kind, request.name, why, std::move(causes));
}

}  // namespace gantry::admission
