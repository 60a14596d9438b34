// Owns the reading of YAML: parser events into a plain document, with limits on depth and on what aliases may
// expand to. Any thread.
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <stdexcept>
#include <streambuf>

#include "core/schema/text.hpp"
#include "core/schema/yaml.hpp"

namespace gantry::schema {
namespace {

// Values that aliases may add to one document; a bomb passes this at once.
constexpr size_t kMaxAliasedValues = 100000;

class YamlError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

size_t count_values(const Json& value) {
  size_t count = 1;
  if (const auto* array = value.if_array()) {
    for (const Json& item : *array) count += count_values(item);
  }
  if (const auto* object = value.if_object()) {
    for (const auto& entry : *object) count += count_values(entry.value());
  }
  return count;
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
  Builder(size_t max_depth, std::vector<std::string>* problems) : max_depth_(max_depth), problems_(problems) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t anchor) override { add(nullptr, anchor); }
  void OnAlias(const YAML::Mark&, YAML::anchor_t anchor) override {
    auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw YamlError("anchor contains itself or is unknown");
    aliased_ += it->second.size;
    if (aliased_ > kMaxAliasedValues) throw YamlError("document contains excessive aliasing");
    if (frames_.size() + it->second.depth > max_depth_) throw YamlError("exceeded max depth");
    add(it->second.value, 0);
  }
  void OnScalar(const YAML::Mark&, const std::string& tag, YAML::anchor_t anchor, const std::string& text) override {
    if (!valid_utf8(text)) throw YamlError("control characters or invalid UTF-8 are not allowed");
    bool plain = tag == "?" || tag.empty();
    if (tag == "tag:yaml.org,2002:binary") throw YamlError("!!binary is not supported");
    if (tag == "tag:yaml.org,2002:int" || tag == "tag:yaml.org,2002:bool" || tag == "tag:yaml.org,2002:float" ||
        tag == "tag:yaml.org,2002:null") {
      plain = true;
    }
    merge_key_ = plain && text == "<<";
    add(plain ? resolve_plain_scalar(text) : Json(text), anchor);
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(boost::json::array(), anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(boost::json::object(), anchor);
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
  };
  struct Anchored {
    Json value;
    size_t size = 0, depth = 0;
  };

  void open(Json value, YAML::anchor_t anchor) {
    if (frames_.size() >= max_depth_) throw YamlError("exceeded max depth");
    frames_.push_back({std::move(value), anchor, false, false, {}, {}, 1});
  }

  void close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    // "<<": keys of the merged maps that the map itself does not have.
    for (const Json& merge : frame.merges) apply_merge(frame.value.get_object(), merge);
    if (!frames_.empty()) frames_.back().depth = std::max(frames_.back().depth, frame.depth + 1);
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

  void add(Json value, YAML::anchor_t anchor, size_t depth = 0) {
    if (anchor != 0) anchors_[anchor] = {value, count_values(value), depth};
    if (frames_.empty()) {
      result_ = std::move(value);
      return;
    }
    Frame& frame = frames_.back();
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
    if (problems_ != nullptr && object.contains(frame.key)) {
      problems_->push_back("key " + quoted(frame.key) + " already set in map");
    }
    object[frame.key] = std::move(value);
  }

  size_t max_depth_;
  std::vector<std::string>* problems_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  size_t aliased_ = 0;
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

Expected<Json> read_yaml(std::string_view bytes, size_t max_depth, std::vector<std::string>* problems) {
  // A view as a stream, without a copy.
  struct Buffer : std::streambuf {
    explicit Buffer(std::string_view view) {
      char* begin = const_cast<char*>(view.data());  // never written to: input only
      setg(begin, begin, begin + view.size());
    }
  };
  auto bad = [](const std::string& why) { return Status::bad_request("yaml: " + why); };
  try {
    Buffer buffer(bytes);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    Builder builder(max_depth, problems);
    parser.HandleNextDocument(builder);
    return builder.take();
  } catch (const YAML::Exception& error) {
    return bad("line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
  } catch (const std::exception& error) {
    return bad(error.what());
  }
}

}  // namespace gantry::schema
