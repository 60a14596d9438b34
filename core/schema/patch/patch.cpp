// RFC 6902 (JSON patch) over documents. Called by the API server's PATCH handlers; pure functions, any thread.
// Merge patches are in patch_merge.cpp and patch_strategic.cpp.
#include "core/schema/patch/patch.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <string>
#include <utility>

#include "core/schema/codec/codec.hpp"
#include "core/schema/patch/json_edit.hpp"
#include "core/schema/patch/patch_words.hpp"
#include "core/schema/values/arena.hpp"
#include "core/schema/values/counted.hpp"
#include "core/schema/values/same_json.hpp"

namespace gantry::schema {
namespace {

using Array = boost::json::array;
using Object = boost::json::object;

constexpr size_t kMaxOperations = 10000;
// "copy" can double a document with every operation; upstream limits what copies may add as well.
constexpr size_t kMaxCopied = 3 * 1024 * 1024;
// Values that the operations may look at or push aside, all in all: about a tenth of a second.
constexpr size_t kMaxWork = 5'000'000;
// Elements of a list that move as fast as one member of an object.
constexpr size_t kElementsAStep = 16;
// Bytes that objects built anew may take, since an arena gives none back.
constexpr size_t kMaxRebuilt = 32 << 20;
// Removals in a row from which on building the object anew pays.
constexpr size_t kManyRemovals = 8;

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

// Bytes that a value roughly takes.
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

std::string_view view(const boost::json::string& text) { return {text.data(), text.size()}; }

std::string_view text_member(const Object& operation, std::string_view name) {
  const Json* value = operation.if_contains(name);
  const auto* text = value == nullptr ? nullptr : value->if_string();
  return text == nullptr ? std::string_view() : view(*text);
}

bool has_text(const Object& operation, std::string_view name) {
  const Json* value = operation.if_contains(name);
  return value != nullptr && value->is_string();
}

size_t tokens(std::string_view pointer) { return static_cast<size_t>(std::count(pointer.begin(), pointer.end(), '/')); }

std::string_view parent_of(std::string_view pointer) { return pointer.substr(0, pointer.rfind('/')); }

bool is_removal(const Object& operation) {
  return text_member(operation, "op") == "remove" && text_member(operation, "path").starts_with('/');
}

// One patch at work on one document, in the arena of the document.
class Patcher {
 public:
  explicit Patcher(Json& document) : document_(document) {}

  Status run(const Array& operations) {
    for (size_t i = 0; i < operations.size();) {
      const size_t end = removals(operations, i);
      if (end - i >= kManyRemovals) {
        bool done = false;
        if (Status status = remove_all(operations, i, end, done); !status.ok()) return status;
        if (done) {
          i = end;
          continue;
        }
      }
      for (const size_t last = std::max(end, i + 1); i < last; ++i) {
        if (Status status = apply(operations[i].get_object()); !status.ok()) return status;
      }
    }
    return {};
  }

 private:
  // Where the removals from one object or list that begin at `from` end.
  static size_t removals(const Array& operations, size_t from) {
    const Object& first = operations[from].get_object();
    if (!is_removal(first)) return from;
    const std::string_view parent = parent_of(text_member(first, "path"));
    size_t end = from + 1;
    for (; end < operations.size(); ++end) {
      const Object& next = operations[end].get_object();
      if (!is_removal(next) || parent_of(text_member(next, "path")) != parent) break;
    }
    return end;
  }

  // Removals from one object, in one pass. Not done: it is a list, or not worth it.
  Status remove_all(const Array& operations, size_t from, size_t end, bool& done) {
    Json* container = find(document_, parent_of(text_member(operations[from].get_object(), "path")));
    if (container == nullptr || !container->is_object()) return {};
    Object& object = container->get_object();
    if (Status status = work(object.size() / kElementsAStep); !status.ok()) return status;
    size_t bytes = object.size() * sizeof(boost::json::key_value_pair);
    for (const auto& member : object) bytes += member.key().size();
    if (rebuilt_ + bytes > kMaxRebuilt) return {};
    rebuilt_ += bytes;
    std::vector<size_t> positions;
    for (size_t i = from; i < end; ++i) {
      const std::string_view path = text_member(operations[i].get_object(), "path");
      const auto it = object.find(unescape(path.substr(path.rfind('/') + 1)));
      if (it == object.end()) return rejected();
      positions.push_back(static_cast<size_t>(it - object.begin()));
    }
    std::sort(positions.begin(), positions.end());
    if (std::adjacent_find(positions.begin(), positions.end()) != positions.end()) return rejected();
    drop_members(object, std::move(positions));
    done = true;
    return {};
  }

  Status apply(const Object& operation) {
    if (!has_text(operation, "op") || !has_text(operation, "path")) return rejected();
    const Json* value = operation.if_contains("value");
    const std::string_view name = text_member(operation, "op");
    const std::string_view at = text_member(operation, "path");
    if (name == "test") return test(document_, at, value) ? Status() : rejected();
    if (name == "remove") return remove(at);
    if (name == "move") return move(operation, at);
    if (name == "copy") return copy(operation, at);
    if (value == nullptr) return rejected();
    if (name == "add") {
      Status status = check_depth(*value, at);
      return status.ok() ? add(at, Json(*value, document_.storage())) : status;
    }
    if (name != "replace") return rejected();
    Json* target = find(document_, at);
    if (target == nullptr) return rejected();
    if (Status status = check_depth(*value, at); !status.ok()) return status;
    *target = *value;
    return {};
  }

  Status move(const Object& operation, std::string_view path) {
    if (!has_text(operation, "from")) return rejected();
    const std::string_view from = text_member(operation, "from");
    Json* source = find(document_, from);
    if (source == nullptr) return rejected();
    if (from == path) return {};
    if (path.starts_with(from) && path.substr(from.size()).starts_with('/')) return rejected();
    if (tokens(path) > tokens(from)) {
      size_t visited = 0;
      const size_t depth = depth_of(*source, kMaxDepth, visited);
      if (Status status = work(visited); !status.ok()) return status;
      if (tokens(path) + depth > kMaxDepth) return too_deep();
    }
    Json value = std::move(*source);  // of the same arena: nothing is copied
    if (Status status = remove(from); !status.ok()) return status;
    return add(path, std::move(value));
  }

  Status copy(const Object& operation, std::string_view path) {
    if (!has_text(operation, "from")) return rejected();
    const Json* source = find(document_, text_member(operation, "from"));
    if (source == nullptr) return rejected();
    copied_ += weight(*source);
    if (copied_ > kMaxCopied) {
      return Status::invalid("the copies of a JSON patch may add " + std::to_string(kMaxCopied) + " bytes at most");
    }
    if (Status status = check_depth(*source, path); !status.ok()) return status;
    return add(path, Json(*source));
  }

  Status add(std::string_view pointer, Json value) {
    if (pointer.empty()) {
      document_ = std::move(value);
      return {};
    }
    Token at = resolve(document_, pointer);
    if (at.container == nullptr) return rejected();
    if (at.container->is_object()) {
      at.container->get_object()[at.key] = std::move(value);
      return {};
    }
    Array& array = at.container->get_array();
    size_t index = array.size();
    if (at.key != "-" && !element_index(at.key, array.size() + 1, index)) return rejected();
    if (Status status = work((array.size() - index) / kElementsAStep); !status.ok()) return status;
    array.insert(array.begin() + static_cast<std::ptrdiff_t>(index), std::move(value));
    return {};
  }

  Status remove(std::string_view pointer) {
    Token at = resolve(document_, pointer);
    if (at.container == nullptr) return rejected();
    if (at.container->is_object()) {
      Object& object = at.container->get_object();
      const auto it = object.find(at.key);
      if (it == object.end()) return rejected();
      if (Status status = work(static_cast<size_t>(object.end() - it)); !status.ok()) return status;
      object.stable_erase(it);
      return {};
    }
    Array& array = at.container->get_array();
    size_t index = 0;
    if (!element_index(at.key, array.size(), index)) return rejected();
    if (Status status = work((array.size() - index) / kElementsAStep); !status.ok()) return status;
    array.erase(array.begin() + static_cast<std::ptrdiff_t>(index));
    return {};
  }

  Status check_depth(const Json& value, std::string_view pointer) const {
    size_t visited = 0;
    return tokens(pointer) + depth_of(value, kMaxDepth, visited) > kMaxDepth ? too_deep() : Status();
  }

  Status work(size_t steps) {
    work_ += steps;
    if (work_ <= kMaxWork) return {};
    return Status::too_large("the operations of a JSON patch may move or look at " + std::to_string(kMaxWork) +
                             " values at most; a merge patch, or a patch in several parts, does the same");
  }

  Json& document_;
  size_t copied_ = 0;
  size_t rebuilt_ = 0;
  size_t work_ = 0;
};

Expected<Json> patched(const Json& document, const Array& operations, std::shared_ptr<limits::Account> account) {
  auto result = copy_of(document, std::move(account));
  if (!result) return result;
  if (Status status = Patcher(*result).run(operations); !status.ok()) return status;
  return result;
}

}  // namespace

Expected<Json> json_patch(const Json& document, const Json& operations, std::shared_ptr<limits::Account> account) {
  if (operations.is_null()) return copy_of(document, std::move(account));
  if (!operations.is_array()) {
    return Status::bad_request(std::string("json: cannot unmarshal ") + kind_of(operations) +
                               " into Go value of type jsonpatch.Patch");
  }
  const Array& list = operations.get_array();
  for (const Json& operation : list) {
    if (operation.is_null()) return rejected();
    if (!operation.is_object()) {
      return Status::bad_request(std::string("json: cannot unmarshal ") + kind_of(operation) +
                                 " into Go value of type jsonpatch.Operation");
    }
  }
  if (list.size() > kMaxOperations) {
    return Status::too_large("The allowed maximum operations in a JSON patch is " + std::to_string(kMaxOperations) +
                             ", got " + std::to_string(list.size()));
  }
  return counted([&] { return patched(document, list, std::move(account)); });
}

}  // namespace gantry::schema
