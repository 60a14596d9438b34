// The pieces OpenAPI documents are made of, shared by the v2 and v3 writers; inside the OpenAPI room only.
//
// Each piece (one definition, one path) is built as a small document, written out and dropped, so that the whole
// is never held as a tree.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/schema/schema.hpp"

namespace gantry::schema::openapi {

enum class Version : uint8_t { kV2, kV3 };

inline boost::json::string_view sv(std::string_view text) { return {text.data(), text.size()}; }

// "k8s.io.api.core.v1.Pod" to "io.k8s.api.core.v1.Pod".
std::string definition_name(const Message& message);

// What the kinds of one group version (or of all: empty api_version) serve.
class Builder {
 public:
  Builder(const Schema& schema, Version version, std::string_view api_version);

  // Messages to define, sorted by definition name.
  const std::vector<const Message*>& messages() const { return messages_; }
  boost::json::object definition(const Message& message) const;

  // Calls with each path and its item, in order of the paths.
  void each_path(const std::function<void(const std::string&, boost::json::object)>& call) const;

 private:
  bool serves(const Kind& kind) const;
  void reach(const Message* message);
  boost::json::object property(const Field& field) const;
  boost::json::object value_type(const Field& field) const;
  boost::json::object ref(const Message& message) const;
  void add_type_meta(const Message& message, boost::json::object& properties) const;
  boost::json::array kinds_of(const Message& message) const;
  boost::json::object resource_path(const Kind& kind, bool in_namespace) const;
  boost::json::object object_path(const Kind& kind) const;
  boost::json::object subresource_path(const Kind& kind, const Subresource& sub) const;
  struct Call;
  boost::json::object operation(const Kind& kind, const Call& call) const;
  const Message* message_of(const Kind& kind, const Subresource& sub) const;
  boost::json::object query(std::string_view name, std::string_view type, std::string_view description) const;
  boost::json::object path_parameter(std::string_view name) const;
  void describe_body(const Call& call, boost::json::object& op, boost::json::array& parameters) const;

  const Schema& schema_;
  Version version_;
  std::string api_version_;
  std::vector<const Message*> messages_;
  const Message* status_ = nullptr;
  const Message* delete_options_ = nullptr;
};

// "api/v1" or "apis/apps/v1" of each group version, in discovery order.
std::vector<std::string> group_paths(const Schema& schema);
std::string api_version_of(std::string_view group, std::string_view version);

// A v2 Schema, PathItem in gnostic's protobuf form.
std::string schema_to_protobuf(const boost::json::object& definition);
std::string path_to_protobuf(const boost::json::object& item);

}  // namespace gantry::schema::openapi
