// Owns the reading of YAML: parser events into a plain document, with limits on depth and on what aliases may
// expand to. Any thread.
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <istream>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>

#include "core/schema/codec/yaml.hpp"
#include "core/schema/codec/yaml_memory.hpp"
#include "core/schema/values/counted.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {
namespace {

// What aliases and the anchors they may name can add to one document; a bomb passes this at once.
constexpr size_t kMaxAliasedValues = 100'000;
constexpr size_t kMaxAliasedBytes = 3 << 20;

class YamlError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Size {
  size_t values = 0, bytes = 0;
};

void measure(const Json& value, Size& size) {
  ++size.values;
  if (const auto* text = value.if_string()) size.bytes += text->size();
  if (const auto* array = value.if_array()) {
    for (const Json& item : *array) measure(item, size);
  }
  if (const auto* object = value.if_object()) {
    for (const auto& entry : *object) {
      size.bytes += entry.key().size();
      measure(entry.value(), size);
    }
  }
}

std::string key_text(const Json& key) {
  if (const auto* text = key.if_string()) return std::string(*text);
  if (const int64_t* number = key.if_int64()) return std::to_string(*number);
  if (const uint64_t* number = key.if_uint64()) return std::to_string(*number);
  if (const bool* flag = key.if_bool()) return *flag ? "true" : "false";
  if (const double* number = key.if_double()) {
    char buffer[40];
    return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, *number).ptr);
  }
  if (key.is_null()) return "null";
  throw YamlError("unsupported map key");
}

class Builder : public YAML::EventHandler {
 public:
  // Without `aliases` no value is kept for one.
  Builder(size_t max_depth, bool aliases, boost::json::storage_ptr storage, YamlMemory& memory, Problems& problems)
      : max_depth_(max_depth),
        aliases_(aliases),
        storage_(std::move(storage)),
        memory_(memory),
        problems_(problems),
        result_(storage_) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark&, const std::string& name) override { memory_.has_anchor(name.size()); }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    comes_to(mark, anchor, "");
    add(Json(storage_), anchor, 0);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    comes_to(mark, 0, "");
    auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw YamlError("anchor contains itself or is unknown");
    const Anchored& anchored = it->second;
    spend(anchored.size);
    if (frames_.size() + anchored.depth > max_depth_) throw YamlError("exceeded max depth");
    add(anchored.value, 0, anchored.depth);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    comes_to(mark, anchor, tag);
    if (!valid_utf8(text)) throw YamlError("control characters or invalid UTF-8 are not allowed");
    bool plain = tag == "?" || tag.empty();
    if (tag == "tag:yaml.org,2002:binary") throw YamlError("!!binary is not supported");
    if (tag == "tag:yaml.org,2002:int" || tag == "tag:yaml.org,2002:bool" || tag == "tag:yaml.org,2002:float" ||
        tag == "tag:yaml.org,2002:null") {
      plain = true;
    }
    merge_key_ = plain && text == "<<";
    add(plain ? Json(resolve_plain_scalar(text), storage_) : Json(text, storage_), anchor, 0);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override {
    comes_to(mark, anchor, tag);
    open(boost::json::array(storage_), anchor, style);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override {
    comes_to(mark, anchor, tag);
    open(boost::json::object(storage_), anchor, style);
  }
  void OnMapEnd() override { close(); }

  Json take() { return std::move(result_); }

 private:
  struct Frame {
    Json value;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    bool key_is_merge = false;
    std::string key;
    std::vector<Json> merges;
    size_t depth = 1;
    bool flow = false;
  };
  struct Anchored {
    Json value;
    Size size;
    size_t depth = 0;
  };

  void comes_to(const YAML::Mark& mark, YAML::anchor_t anchor, std::string_view tag) {
    memory_.comes_to(static_cast<size_t>(std::max(mark.pos, 0)));
    const size_t tags = tag.empty() || tag == "?" || tag == "!" ? 0 : 1;
    if (frames_.empty() || !frames_.back().flow) memory_.has_value(tags + (anchor != 0 ? 1 : 0));
  }

  void open(Json value, YAML::anchor_t anchor, YAML::EmitterStyle::value style) {
    if (frames_.size() >= max_depth_) throw YamlError("exceeded max depth");
    frames_.push_back({std::move(value), anchor, false, false, {}, {}, 1, style == YAML::EmitterStyle::Flow});
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    // "<<": keys of the merged maps that the map itself does not have.
    for (const Json& merge : frame.merges) apply_merge(frame.value.get_object(), merge);
    add(std::move(frame.value), frame.anchor, frame.depth);
  }

  static void apply_merge(boost::json::object& object, const Json& merge) {
    if (const auto* list = merge.if_array()) {
      for (const Json& item : *list) apply_merge(object, item);
      return;
    }
    const auto* from = merge.if_object();
    if (from == nullptr) throw YamlError("map merge requires map or sequence of maps as the value");
    for (const auto& entry : *from) object.insert(entry);
  }

  // Aliases multiply what they name, and anchors within each other what they hold.
  void spend(const Size& size) {
    aliased_.values += size.values;
    aliased_.bytes += size.bytes;
    if (aliased_.values > kMaxAliasedValues || aliased_.bytes > kMaxAliasedBytes) {
      throw YamlError("document contains excessive aliasing");
    }
  }

  void keep(const Json& value, YAML::anchor_t anchor, size_t depth) {
    Size size;
    measure(value, size);
    spend(size);
    // A copy in the document's storage, not an assignment to a value that has another.
    anchors_.insert_or_assign(anchor, Anchored{Json(value, storage_), size, depth});
  }

  void add(Json value, YAML::anchor_t anchor, size_t depth) {
    if (anchor != 0 && aliases_) keep(value, anchor, depth);
    if (frames_.empty()) {
      result_ = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
    frame.depth = std::max(frame.depth, depth + 1);
    if (auto* list = frame.value.if_array()) {
      list->push_back(std::move(value));
      return;
    }
    if (!frame.has_key) {
      frame.key_is_merge = merge_key_;
      frame.key = key_text(value);
      frame.has_key = true;
      merge_key_ = false;
      return;
    }
    frame.has_key = false;
    merge_key_ = false;
    if (frame.key_is_merge) {
      frame.merges.push_back(std::move(value));
      return;
    }
    auto& object = frame.value.get_object();
    if (problems_.wanted() && object.contains(frame.key)) {
      problems_.add([&] { return "key " + quoted(cut(frame.key, kLongestName)) + " already set in map"; });
    }
    object[frame.key] = std::move(value);
  }

  const size_t max_depth_;
  const bool aliases_;
  const boost::json::storage_ptr storage_;
  YamlMemory& memory_;
  Problems& problems_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  Size aliased_;
  bool merge_key_ = false;
  Json result_;
};

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  for (std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

// Decimal, 0x, 0b, 0o and C-style octal numbers, underscores allowed.
bool resolve_integer(std::string_view text, Json& out) {
  std::string digits;
  for (char c : text) {
    if (c != '_') digits.push_back(c);
  }
  std::string_view rest = digits;
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  if (rest.size() > 1 && rest[0] == '0') {
    char c = rest[1];
    base = c == 'x' || c == 'X' ? 16 : c == 'b' || c == 'B' ? 2 : 8;
    rest.remove_prefix(base != 8 || c == 'o' || c == 'O' ? 2 : 1);
  }
  uint64_t number = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number, base);
  if (rest.empty() || error != std::errc() || end != rest.data() + rest.size()) return false;
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  if (negative) {
    if (number > kLimit) return false;
    out = static_cast<int64_t>(0 - number);
  } else if (number < kLimit) {
    out = static_cast<int64_t>(number);
  } else {
    out = number;
  }
  return true;
}

bool resolve_float(std::string_view text, Json& out) {
  std::string digits;
  for (char c : text) {
    if (c != '_') digits.push_back(c);
  }
  std::string_view rest = digits;
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.empty() || rest == "." || !(rest[0] == '.' || (rest[0] >= '0' && rest[0] <= '9'))) return false;
  double number = 0;
  auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (error != std::errc() || end != rest.data() + rest.size() || !std::isfinite(number)) return false;
  out = negative ? -number : number;
  // 1e3 and 5.0 are whole: JSON says them as integers.
  if (number == std::floor(number) && number < 9e15) out = static_cast<int64_t>(negative ? -number : number);
  return true;
}

}  // namespace

Json resolve_plain_scalar(std::string_view text) {
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (one_of(text, {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) return true;
  if (one_of(text, {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) return false;
  char first = text[0];
  Json out;
  if ((first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.') {
    if (resolve_integer(text, out) || resolve_float(text, out)) return out;
  }
  return Json(text);
}

Expected<Json> read_yaml(std::string_view bytes, size_t max_depth, std::shared_ptr<limits::Account> account,
                         Problems& problems) {
  auto bad = [](const std::string& why) { return Status::bad_request("yaml: " + why); };
  try {
    YamlMemory memory(bytes, account);
    YamlInput input(bytes, memory);
    std::istream stream(&input);
    stream.exceptions(std::ios::badbit);  // what the input throws comes out
    YAML::Parser parser(stream);
    const bool aliases = bytes.find('*') != std::string_view::npos;
    Builder builder(max_depth, aliases, make_heap(std::move(account)), memory, problems);
    parser.HandleNextDocument(builder);
    return builder.take();
  } catch (const YAML::Exception& error) {
    return bad("line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
  } catch (const YamlTooLarge&) {
    return Status::too_large("yaml: the parser would need more than " + std::to_string(kMaxYamlMemory >> 20) +
                             " MiB for this document: send JSON, or block style");
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    return bad(error.what());
  }
}

}  // namespace gantry::schema
