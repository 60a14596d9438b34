// Status and Expected<T>: how everything in Gantry that can fail says so.
//
// A Status carries the HTTP code and the reason of Kubernetes' meta/v1 Status, because that is what an error
// becomes at the API's edge; parts that never meet the API use the same words. Value types, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gantry {

// One cause inside a Status (metav1.StatusCause): which field and what is wrong with it.
struct StatusCause {
  std::string reason;  // "FieldValueInvalid", "FieldValueRequired", ...
  std::string message;
  std::string field;  // "spec.containers[0].name"
};

// The details of a Status (metav1.StatusDetails).
struct StatusDetails {
  std::string name;
  std::string group;
  std::string kind;
  std::string uid;
  std::vector<StatusCause> causes;
  int32_t retry_after_seconds = 0;
};

class [[nodiscard]] Status {
 public:
  Status() = default;  // success
  Status(int32_t code, std::string reason, std::string message)
      : code_(code), reason_(std::move(reason)), message_(std::move(message)) {}

  bool ok() const { return code_ == 0; }
  // HTTP status code of the error; 0 for success.
  int32_t code() const { return code_; }
  const std::string& reason() const { return reason_; }  // "NotFound", "Conflict", ...
  const std::string& message() const { return message_; }
  const std::optional<StatusDetails>& details() const { return details_; }

  Status with_details(StatusDetails details) && {
    details_ = std::move(details);
    return std::move(*this);
  }
  // Puts "where: " before the message, so that an error tells its path on the way up.
  Status in(std::string_view where) && {
    message_ = std::string(where) + ": " + message_;
    return std::move(*this);
  }

  static Status bad_request(std::string m) { return {400, "BadRequest", std::move(m)}; }
  static Status unauthorized(std::string m) { return {401, "Unauthorized", std::move(m)}; }
  static Status forbidden(std::string m) { return {403, "Forbidden", std::move(m)}; }
  static Status not_found(std::string m) { return {404, "NotFound", std::move(m)}; }
  static Status method_not_allowed(std::string m) { return {405, "MethodNotAllowed", std::move(m)}; }
  static Status not_acceptable(std::string m) { return {406, "NotAcceptable", std::move(m)}; }
  static Status already_exists(std::string m) { return {409, "AlreadyExists", std::move(m)}; }
  static Status conflict(std::string m) { return {409, "Conflict", std::move(m)}; }
  static Status gone(std::string m) { return {410, "Gone", std::move(m)}; }
  static Status expired(std::string m) { return {410, "Expired", std::move(m)}; }
  static Status too_large(std::string m) { return {413, "RequestEntityTooLarge", std::move(m)}; }
  static Status unsupported_media_type(std::string m) { return {415, "UnsupportedMediaType", std::move(m)}; }
  static Status invalid(std::string m) { return {422, "Invalid", std::move(m)}; }
  static Status too_many_requests(std::string m) { return {429, "TooManyRequests", std::move(m)}; }
  static Status internal(std::string m) { return {500, "InternalError", std::move(m)}; }
  static Status unavailable(std::string m) { return {503, "ServiceUnavailable", std::move(m)}; }
  static Status timeout(std::string m) { return {504, "Timeout", std::move(m)}; }

 private:
  int32_t code_ = 0;
  std::string reason_;
  std::string message_;
  std::optional<StatusDetails> details_;
};

// A value or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Expected {
 public:
  Expected(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Expected(Status status) : state_(std::in_place_index<1>, std::move(status)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  // Only when !ok().
  const Status& error() const& { return std::get<1>(state_); }
  Status&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace gantry
