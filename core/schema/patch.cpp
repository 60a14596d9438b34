// RFC 6902 (JSON patch) and RFC 7386 (merge patch) over documents.
// Called by the API server's PATCH handlers; pure functions, any thread. Strategic merge is in
// patch_strategic.cpp.
#include "core/schema/patch.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <string>
#include <utility>

#include "core/schema/arena.hpp"
#include "core/schema/same_json.hpp"

namespace gantry::schema {
namespace {

using Array = boost::json::array;
using Object = boost::json::object;

constexpr size_t kMaxOperations = 10000;
// "copy" can double a document with every operation; upstream limits what copies may add as well.
constexpr size_t kMaxCopied = 3 * 1024 * 1024;

const char* kind_of(const Json& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_bool()) return "bool";
  return "number";
}

// What upstream answers whenever applying a well-formed JSON patch fails, whatever the cause.
Status rejected() {
  return Status::invalid("the server rejected our request due to an error in our request").with_details({});
}

struct Token {
  Json* container = nullptr;
  std::string key;
};

std::string unescape(std::string_view token) {
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size() && (token[i + 1] == '0' || token[i + 1] == '1')) {
      out.push_back(token[++i] == '0' ? '~' : '/');
    } else {
      out.push_back(token[i]);
    }
  }
  return out;
}

// Position in an array of `size` elements that a get may name: negative counts from the end.
bool element_index(std::string_view text, size_t size, size_t& index) {
  long long n = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc() || end != text.data() + text.size()) return false;
  auto count = static_cast<long long>(size);
  if (n < 0) n += count;
  if (n < 0 || n >= count) return false;
  index = static_cast<size_t>(n);
  return true;
}

Json* child(Json& container, const std::string& key) {
  if (container.is_object()) return container.get_object().if_contains(key);
  if (!container.is_array()) return nullptr;
  Array& array = container.get_array();
  size_t index = 0;
  return element_index(key, array.size(), index) ? &array[index] : nullptr;
}

// The container that holds the pointer's last token; container null when the way there is missing.
Token resolve(Json& document, std::string_view pointer) {
  Token token;
  if (pointer.empty() || pointer.front() != '/') return token;
  Json* at = &document;
  pointer.remove_prefix(1);
  for (;;) {
    size_t slash = pointer.find('/');
    std::string key = unescape(pointer.substr(0, slash));
    if (slash == std::string_view::npos) {
      if (!at->is_object() && !at->is_array()) return token;
      token.container = at;
      token.key = std::move(key);
      return token;
    }
    at = child(*at, key);
    if (at == nullptr) return token;
    pointer.remove_prefix(slash + 1);
  }
}

bool add(Json& document, std::string_view pointer, Json value) {
  if (pointer.empty()) {
    document = std::move(value);
    return true;
  }
  Token at = resolve(document, pointer);
  if (at.container == nullptr) return false;
  if (at.container->is_object()) {
    at.container->get_object()[at.key] = std::move(value);
    return true;
  }
  Array& array = at.container->get_array();
  size_t index = array.size();
  if (at.key != "-" && !element_index(at.key, array.size() + 1, index)) return false;
  array.insert(array.begin() + static_cast<std::ptrdiff_t>(index), std::move(value));
  return true;
}

bool remove(Json& document, std::string_view pointer) {
  Token at = resolve(document, pointer);
  if (at.container == nullptr || child(*at.container, at.key) == nullptr) return false;
  if (at.container->is_object()) {
    Object& object = at.container->get_object();
    object.stable_erase(object.find(at.key));
    return true;
  }
  Array& array = at.container->get_array();
  size_t index = 0;
  if (!element_index(at.key, array.size(), index)) return false;
  array.erase(array.begin() + static_cast<std::ptrdiff_t>(index));
  return true;
}

Json* find(Json& document, std::string_view pointer) {
  if (pointer.empty()) return &document;
  Token at = resolve(document, pointer);
  return at.container == nullptr ? nullptr : child(*at.container, at.key);
}

bool test(Json& document, std::string_view pointer, const Json* expected) {
  Json* found = find(document, pointer);
  bool want_null = expected == nullptr || expected->is_null();
  if (found != nullptr) return expected == nullptr ? found->is_null() : same_json(*found, *expected);
  // An absent member of an object that exists tests equal to null, as upstream has it.
  Token at = resolve(document, pointer);
  return want_null && at.container != nullptr && at.container->is_object();
}

// Bytes that a value roughly takes, cut short at the limit.
size_t weight(const Json& value) {
  size_t sum = 8;
  if (const Object* object = value.if_object()) {
    for (const auto& [key, item] : *object) sum += key.size() + weight(item);
  } else if (const Array* array = value.if_array()) {
    for (const Json& item : *array) sum += weight(item);
  } else if (const auto* text = value.if_string()) {
    sum += text->size();
  }
  return sum;
}

const boost::json::string* text_member(const Object& operation, std::string_view name) {
  const Json* value = operation.if_contains(name);
  return value == nullptr ? nullptr : value->if_string();
}

std::string_view view(const boost::json::string& text) { return {text.data(), text.size()}; }

bool move_or_copy(Json& document, const Object& operation, std::string_view path, bool move, size_t& copied) {
  const auto* from = text_member(operation, "from");
  if (from == nullptr) return false;
  Json* source = find(document, view(*from));
  if (source == nullptr) return false;
  if (move && view(*from) == path) return true;
  if (move && path.starts_with(std::string(view(*from)) + "/")) return false;
  if (!move) copied += weight(*source);
  if (copied > kMaxCopied) return false;
  Json value = *source;
  if (move && !remove(document, view(*from))) return false;
  return add(document, path, std::move(value));
}

bool apply(Json& document, const Object& operation, size_t& copied) {
  const auto* op = text_member(operation, "op");
  const auto* path = text_member(operation, "path");
  if (op == nullptr || path == nullptr) return false;
  const Json* value = operation.if_contains("value");
  std::string_view name = view(*op);
  std::string_view at = view(*path);
  if (name == "test") return test(document, at, value);
  if (name == "remove") return remove(document, at);
  if (name == "move" || name == "copy") {
    return move_or_copy(document, operation, at, name == "move", copied);
  }
  if (value == nullptr) return false;
  if (name == "add") return add(document, at, *value);
  if (name != "replace") return false;
  Json* target = find(document, at);
  if (target == nullptr) return false;
  *target = *value;
  return true;
}

void merge_into(Json& target, const Object& patch) {
  if (!target.is_object()) target = Object(target.storage());
  Object& object = target.get_object();
  for (const auto& [key, value] : patch) {
    auto it = object.find(key);
    if (value.is_null()) {
      if (it != object.end()) object.stable_erase(it);
    } else if (value.is_object()) {
      merge_into(it != object.end() ? it->value() : object[key], value.get_object());
    } else {
      object[key] = value;
    }
  }
}

}  // namespace

Expected<Json> json_patch(const Json& document, const Json& operations) {
  if (!operations.is_array()) {
    if (operations.is_null()) return document;
    return Status::bad_request(std::string("json: cannot unmarshal ") + kind_of(operations) +
                               " into Go value of type jsonpatch.Patch");
  }
  const Array& list = operations.get_array();
  for (const Json& operation : list) {
    if (!operation.is_object()) {
      return Status::bad_request(std::string("json: cannot unmarshal ") + kind_of(operation) +
                                 " into Go value of type jsonpatch.Operation");
    }
  }
  if (list.size() > kMaxOperations) {
    return Status::too_large("The allowed maximum operations in a JSON patch is " + std::to_string(kMaxOperations) +
                             ", got " + std::to_string(list.size()));
  }
  Json result = copy_of(document);
  size_t copied = 0;
  for (const Json& operation : list) {
    if (!apply(result, operation.get_object(), copied)) return rejected();
  }
  return result;
}

Expected<Json> merge_patch(const Json& document, const Json& patch) {
  if (patch.is_null()) return document;
  if (!patch.is_object()) {
    return Status::bad_request(std::string("error decoding patch: json: cannot unmarshal ") + kind_of(patch) +
                               " into Go value of type map[string]interface {}");
  }
  Json result = copy_of(document);
  merge_into(result, patch.get_object());
  return result;
}

}  // namespace gantry::schema
