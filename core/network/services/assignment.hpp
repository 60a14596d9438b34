// Fills in what a Service leaves to the cluster: families, cluster IPs, node ports, the port of the health check. The
// rules are upstream's of a create and of an update.
//
// For one write of one Service, on one thread; what it reserves is the caller's to release.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/network/services/service_numbers.hpp"
#include "core/schema/rules/field_errors.hpp"
#include "gantry/status.hpp"

namespace gantry::network {

class Assignment {
 public:
  using Object = schema::JsonObject;

  // `spec` with its defaults; `old` is the stored one, null on create.
  Assignment(ServiceNumbers& numbers, Object& spec, const Object* old, bool dry_run = false)
      : numbers_(numbers), spec_(spec), old_(old), dry_run_(dry_run), at_(root_.child("spec")) {}

  // What can't be had is an error of errors(), or, for lack of numbers, the answer. Reads nothing of a spec that is
  // malformed: validation refuses it.
  Status run();
  schema::Errors& errors() { return errors_; }
  // Also after a failure.
  const Claims& reserved() const { return reserved_; }

 private:
  bool well_formed() const;
  // False: nothing is to be given, or errors were found.
  bool families();
  void policy();
  void compare_with_old(std::string_view policy);
  void infer_families();
  bool add_families();
  Status addresses();
  Status address(size_t index);
  Status ports();
  Status new_ports();
  Status changed_ports();
  Status health_port();
  Status ask_port(const schema::At& at, std::string_view name, int64_t port);
  Expected<int> any_port();

  ServiceNumbers& numbers_;
  Object& spec_;
  const Object* old_;
  const bool dry_run_;
  const schema::At root_;
  const schema::At at_;
  schema::Errors errors_;
  Claims reserved_;
};

}  // namespace gantry::network
