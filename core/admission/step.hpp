// One step of the chain: what a file of this folder is written with.
//
// A step answers at once, or takes a Resume and answers later, from any thread: a request that waits for it holds up
// nobody else. Steps are shared by all requests and keep no state of one. [any-thread, also network threads: they must
// not block]
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "core/admission/request.hpp"
#include "core/schema/rules/kind_errors.hpp"
#include "gantry/status.hpp"

namespace gantry::admission {

// For a step's answer that comes later: to be called once; ok lets the request pass. The step must not touch the
// request any more once it is called. Dropped without a call: the request fails as an internal error.
using Resume = std::function<void(Status)>;

// Given to a step while it runs.
class Pause {
 public:
  virtual ~Pause() = default;
  // The step then returns kLater. The request may end before it is called, at its deadline.
  virtual Resume later() = 0;
};

// ok: goes on. An error is the request's answer.
using Answer = std::optional<Status>;
inline const Answer kPass{Status()};
inline constexpr std::nullopt_t kLater = std::nullopt;

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
