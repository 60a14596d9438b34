// Status to and from the meta/v1 Status message that crosses the ABI, where messages are text. Any thread.
#pragma once

#include <string>
#include <utility>

#include "gantry/bytes.hpp"
#include "gantry/status.hpp"
#include "gantry/text.hpp"
#include "k8s.io/apimachinery/pkg/apis/meta/v1/status.pb.h"

namespace gantry {

inline k8s::io::apimachinery::pkg::apis::meta::v1::Status to_proto(const Status& status) {
  k8s::io::apimachinery::pkg::apis::meta::v1::Status out;
  out.set_status(status.ok() ? "Success" : "Failure");
  out.set_message(as_text(status.message()));
  out.set_reason(status.reason());
  out.set_code(status.ok() ? 200 : status.code());
  if (const auto& details = status.details()) {
    auto& to = *out.mutable_details();
    to.set_name(as_text(details->name));
    to.set_group(details->group);
    to.set_kind(details->kind);
    to.set_uid(details->uid);
    to.set_retry_after_seconds(details->retry_after_seconds);
    for (const auto& cause : details->causes) {
      auto& c = *to.add_causes();
      c.set_reason(cause.reason);
      c.set_message(as_text(cause.message));
      c.set_field(as_text(cause.field));
    }
  }
  return out;
}

inline Status from_proto(const k8s::io::apimachinery::pkg::apis::meta::v1::Status& from) {
  Status status(from.code() == 0 ? 500 : from.code(), from.reason(), from.message());
  if (!from.has_details()) return status;
  StatusDetails details{from.details().name(),
                        from.details().group(),
                        from.details().kind(),
                        from.details().uid(),
                        {},
                        from.details().retry_after_seconds()};
  for (const auto& cause : from.details().causes()) {
    details.causes.push_back({cause.reason(), cause.message(), cause.field()});
  }
  return std::move(status).with_details(std::move(details));
}

// The Status that a code and an `error` out parameter of the ABI stand for. What is no HTTP code of an error becomes
// 500.
inline Status status_of(gantry_code given, std::string_view error) {
  if (given == 0) return {};
  const gantry_code code = given >= 400 && given <= 599 ? given : 500;
  k8s::io::apimachinery::pkg::apis::meta::v1::Status message;
  if (!error.empty() && message.ParseFromArray(error.data(), static_cast<int>(error.size()))) {
    message.set_code(code);
    return from_proto(message);
  }
  return {code, "InternalError", "failed with code " + std::to_string(given) + " and no message"};
}

// Puts a failure into an `error` out parameter and gives the code to return.
inline gantry_code fail(const Status& status, gantry_buffer* error) {
  if (status.ok()) return 0;
  fill_buffer(error, to_proto(status).SerializeAsString());
  return status.code();
}

}  // namespace gantry
