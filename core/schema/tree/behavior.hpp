// What is special about one kind beyond what its .proto says: functions that core/kinds registers and that are bound to
// the kind when the tree is built. The machinery asks the kind, and compares no names.
//
// A behaviour is a constant that outlives every schema. All functions are pure; any thread. `object` is a document in
// canonical form (codec.hpp), `old` the version before it.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "gantry/status.hpp"

namespace gantry::schema {

class Errors;
class Warnings;

namespace cells {
struct Row;
// Appends the cell as JSON text.
using Cell = void (*)(Row& row, std::string& out);
struct NamedCell {
  std::string_view name;  // what a column's source says behind its '@'
  Cell cell;
};
}  // namespace cells

// A served version whose objects are stored as another one's.
struct Conversion {
  std::string_view group, version, plural;  // of the one that is stored
  // From a stored document to one of this version, and back; apiVersion and kind are seen to.
  void (*from_stored)(boost::json::object& object);
  void (*to_stored)(boost::json::object& object);
};

// A subresource that is written by an object of another kind, which says how this one changes: pods/binding. Answered
// with a Status.
struct SubresourceWrite {
  using Object = boost::json::object;
  // What the changed object is told beside what is sent.
  struct Moment {
    int64_t now_ns;
    std::string_view name, version;  // of the stored object
  };
  std::string_view name;
  // Of what is sent: its message's full name, apiVersion and kind.
  std::string_view message, api_version, kind;
  // What is wrong with it whatever is stored; its name and namespace are seen to.
  void (*check)(const Object& body, Errors& errors);
  // Changes a copy of the stored object, or says why that may not be.
  Status (*apply)(Object& next, const Object& body, const Moment& moment);
};

// Creating an object of a kind that is not stored writes such a subresource of the object that it names.
struct WrittenThrough {
  std::string_view group, version, plural, subresource;
};

// A selectable field whose name is not its path.
struct Alias {
  std::string_view name, path;
};

struct Behavior {
  using Object = boost::json::object;
  std::string_view group, kind;
  std::string_view version = "v1";

  // Defaults that depend on other fields. Before the constants of the tree, which hide what was absent, and after them.
  void (*default_before)(Object& object) = nullptr;
  void (*default_after)(Object& object) = nullptr;
  // What the tree cannot say. `old` is null on create.
  void (*validate)(const Object& object, const Object* old, Errors& errors) = nullptr;

  // What a write of the status alone may not do, beside that.
  void (*validate_status)(const Object& object, const Object& old, Errors& errors) = nullptr;
  // What whoever writes it is told (Warning headers) of a valid object, upstream's WarningsOnCreate and
  // WarningsOnUpdate; `old` is null on create. Of a write of /status: the second. rules/warnings.hpp.
  void (*warn)(const Object& object, const Object* old, Warnings& warnings) = nullptr;
  void (*warn_status)(const Object& object, const Object* old, Warnings& warnings) = nullptr;

  // What a write may not decide. A new object after its defaults, before it is validated; an update of the resource or
  // of its status, with what every kind protects already taken from `old`, before its defaults.
  void (*create)(Object& object) = nullptr;
  void (*update)(Object& next, const Object& old) = nullptr;
  void (*update_status)(Object& next, const Object& old) = nullptr;
  // Puts the time of the write (Unix ns) where there is none: an update of the status, and of an approval.
  void (*stamp)(Object& next, const Object& old, int64_t now_ns) = nullptr;
  // Whether something beside the content changed that counts (metadata.generation).
  bool (*counts)(const Object& next, const Object& old) = nullptr;

  // Seconds that a deletion gives the object, by DeleteOptions; 0: it goes at once. Null: always so.
  int64_t (*grace)(const Object& options, const Object& object) = nullptr;
  // Whether something beside metadata.finalizers keeps an object that is being deleted, and what a deletion changes
  // then. Both or none.
  bool (*is_held)(const Object& object) = nullptr;
  void (*terminate)(Object& next) = nullptr;

  // Why the object of this name may not be deleted at its own address; empty: it may.
  std::string_view (*kept)(std::string_view name) = nullptr;

  // What the object owns stays when it is deleted and nothing is said of that; and what who does so is warned of.
  bool orphans = false;
  std::string_view orphan_warning;

  // Of a kind one of whose objects is meant where none is named: whether it is this one, and a text that stands in the
  // stored form of each that is.
  bool (*is_default)(const Object& object) = nullptr;
  std::string_view default_mark;

  std::span<const SubresourceWrite> subresources;
  const WrittenThrough* written_through = nullptr;

  std::span<const Alias> aliases;

  // Its objects are not stored: there is one of each part of the control plane, made when it is asked for of what is
  // wrong with the part (nothing: "").
  void (*describe_part)(Object& object, std::string_view trouble) = nullptr;

  // Objects that there are from a cluster's first moment, by name.
  std::span<const std::string_view> initial;
  // When its object was last written, as far as it says so itself (Unix ns); objects that nobody has written to for the
  // time to live of Events go. Null: they stay.
  int64_t (*last_written)(const Object& object) = nullptr;

  // Cells of its table, and what a row says beside them (`"conditions":[...],` or nothing).
  std::span<const cells::NamedCell> cells;
  std::string_view (*row_conditions)(const Object& object) = nullptr;

  // The defaults or `create` make something of the object's name: they see it again when a generated one was taken.
  bool name_matters = false;
  bool keeps_status_on_create = false;
  bool unconditional_update = true;  // PUT without resourceVersion
  bool create_on_update = false;     // PUT makes what isn't there
  bool returns_deleted = false;      // DELETE answers with the object, not with a Status
  // Controllers, scheduler or node agent get each version at once, so its protobuf form is made with the write.
  bool read_at_once = true;
  // Null: objects are stored as they are. Else nothing is made of its own form with a write.
  const Conversion* conversion = nullptr;
};

inline constexpr Behavior kNothingSpecial{};

using Behaviors = std::span<const Behavior* const>;

}  // namespace gantry::schema
