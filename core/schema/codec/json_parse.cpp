// Owns JSON parsing: text to plain documents, and the two passes that read text without building a document
// (duplicate keys, the type of a body). Called by codec.cpp, on any thread.
#include "core/schema/codec/json_parse.hpp"

#include <algorithm>
#include <array>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parser.hpp>
#include <functional>
#include <new>
#include <set>

#include "core/schema/codec/canonical.hpp"
#include "core/schema/codec/json_syntax.hpp"
#include "core/schema/values/arena.hpp"
#include "core/schema/values/counted.hpp"
#include "gantry/text.hpp"

namespace gantry::schema {
namespace {

using boost::json::string_view;
using Error = boost::json::error_code;

boost::json::parse_options options_of(size_t max_depth) {
  boost::json::parse_options options;
  options.max_depth = max_depth;
  return options;
}

// In Go's words, where its scanner objects as well.
Status parse_error(const Error& error, std::string_view bytes) {
  if (error == boost::json::error::too_deep) return Status::bad_request("exceeded max depth");
  std::string why = syntax_error(bytes);
  return Status::bad_request(why.empty() ? error.message() : std::move(why));
}

// What basic_parser wants of a handler, doing nothing.
struct SilentHandler {
  static constexpr size_t max_object_size = static_cast<size_t>(-1);
  static constexpr size_t max_array_size = static_cast<size_t>(-1);
  static constexpr size_t max_key_size = static_cast<size_t>(-1);
  static constexpr size_t max_string_size = static_cast<size_t>(-1);
  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_object_begin(Error&) { return true; }
  bool on_object_end(size_t, Error&) { return true; }
  bool on_array_begin(Error&) { return true; }
  bool on_array_end(size_t, Error&) { return true; }
  bool on_key_part(string_view, size_t, Error&) { return true; }
  bool on_key(string_view, size_t, Error&) { return true; }
  bool on_string_part(string_view, size_t, Error&) { return true; }
  bool on_string(string_view, size_t, Error&) { return true; }
  bool on_number_part(string_view, Error&) { return true; }
  bool on_int64(int64_t, string_view, Error&) { return true; }
  bool on_uint64(uint64_t, string_view, Error&) { return true; }
  bool on_double(double, string_view, Error&) { return true; }
  bool on_bool(bool, Error&) { return true; }
  bool on_null(Error&) { return true; }
  bool on_comment_part(string_view, Error&) { return true; }
  bool on_comment(string_view, Error&) { return true; }
};

// First pass: is there any duplicate at all? Only hashes of keys are kept.
struct DuplicateProbe : SilentHandler {
  std::vector<size_t> hashes, begins;
  std::string key;
  bool found = false;

  bool on_object_begin(Error&) {
    begins.push_back(hashes.size());
    return true;
  }
  bool on_key_part(string_view part, size_t, Error&) {
    key.append(part.data(), part.size());
    return true;
  }
  bool on_key(string_view part, size_t, Error&) {
    if (key.empty()) {
      hashes.push_back(std::hash<std::string_view>()({part.data(), part.size()}));
      return true;
    }
    key.append(part.data(), part.size());
    hashes.push_back(std::hash<std::string_view>()(key));
    key.clear();
    return true;
  }
  bool on_object_end(size_t, Error&) {
    auto begin = hashes.begin() + static_cast<std::ptrdiff_t>(begins.back());
    std::sort(begin, hashes.end());
    if (std::adjacent_find(begin, hashes.end()) != hashes.end()) found = true;
    hashes.erase(begin, hashes.end());
    begins.pop_back();
    return true;
  }
};

// Second pass, only when there is one: names them with their paths.
struct DuplicateNames : SilentHandler {
  struct Frame {
    bool array = false;
    size_t index = 0;
    std::string key;
    std::set<std::string> seen;
  };
  std::vector<Frame> frames;
  std::string key;
  Problems* problems = nullptr;
  limits::Charge charge;
  size_t bytes = 0;

  void value_begins() {
    if (!frames.empty() && frames.back().array) ++frames.back().index;
  }
  void count(size_t key_bytes) {
    constexpr size_t kNode = 96;
    bytes += kNode + key_bytes;
    if (bytes > charge.bytes() && !charge.resize(2 * bytes)) refuse(*charge.account(), 2 * bytes);
  }
  std::string path() const {
    std::string out;
    for (const Frame& frame : frames) {
      if (frame.array) {
        out += "[" + std::to_string(frame.index - 1) + "]";
      } else {
        out.append(out.empty() ? "" : ".").append(cut(frame.key, kLongestName));
      }
    }
    return out;
  }
  bool on_object_begin(Error&) {
    value_begins();
    frames.emplace_back();
    return true;
  }
  bool on_object_end(size_t, Error&) {
    frames.pop_back();
    return true;
  }
  bool on_array_begin(Error&) {
    value_begins();
    frames.emplace_back().array = true;
    return true;
  }
  bool on_array_end(size_t, Error&) {
    frames.pop_back();
    return true;
  }
  bool on_key_part(string_view part, size_t, Error&) {
    key.append(part.data(), part.size());
    return true;
  }
  bool on_key(string_view part, size_t, Error&) {
    key.append(part.data(), part.size());
    Frame& frame = frames.back();
    frame.key = key;
    if (frame.seen.insert(key).second) {
      count(key.size());
    } else {
      problems->add([&] { return "duplicate field \"" + path() + "\""; });
    }
    key.clear();
    return true;
  }
  bool on_string(string_view, size_t, Error&) {
    value_begins();
    return true;
  }
  bool on_int64(int64_t, string_view, Error&) {
    value_begins();
    return true;
  }
  bool on_uint64(uint64_t, string_view, Error&) {
    value_begins();
    return true;
  }
  bool on_double(double, string_view, Error&) {
    value_begins();
    return true;
  }
  bool on_bool(bool, Error&) {
    value_begins();
    return true;
  }
  bool on_null(Error&) {
    value_begins();
    return true;
  }
};

// Reads kind and apiVersion of the top object and stops as soon as it has both.
struct TypeProbe : SilentHandler {
  TypeMeta type;
  int depth = 0;
  std::string key, text;
  bool has_kind = false, has_version = false, wrong_type = false;

  bool on_object_begin(Error&) {
    note_wrong();
    ++depth;
    return true;
  }
  bool on_object_end(size_t, Error&) {
    --depth;
    return true;
  }
  bool on_array_begin(Error&) {
    note_wrong();
    ++depth;
    return true;
  }
  bool on_array_end(size_t, Error&) {
    --depth;
    return true;
  }
  bool on_key_part(string_view part, size_t, Error&) {
    if (depth == 1) key_.append(part.data(), part.size());
    return true;
  }
  bool on_key(string_view part, size_t, Error&) {
    if (depth != 1) return true;
    key_.append(part.data(), part.size());
    key = std::move(key_);
    key_.clear();
    return true;
  }
  bool on_string_part(string_view part, size_t, Error&) {
    if (depth == 1) text.append(part.data(), part.size());
    return true;
  }
  bool on_string(string_view part, size_t, Error& error) {
    if (depth != 1) return true;
    text.append(part.data(), part.size());
    if (key == "kind") {
      type.kind = text;
      has_kind = true;
    }
    if (key == "apiVersion") {
      type.api_version = text;
      has_version = true;
    }
    text.clear();
    key.clear();
    if (has_kind && has_version) error = boost::json::error::exception;  // enough read
    return !(has_kind && has_version);
  }
  void note_wrong() {
    if (depth == 1 && (key == "kind" || key == "apiVersion")) wrong_type = true;
    if (depth == 1) key.clear();
  }
  bool on_int64(int64_t, string_view, Error&) {
    note_wrong();
    return true;
  }
  bool on_bool(bool, Error&) {
    note_wrong();
    return true;
  }

 private:
  std::string key_;
};

template <typename Handler>
Error run(boost::json::basic_parser<Handler>& parser, std::string_view bytes) {
  Error error;
  size_t used = parser.write_some(false, bytes.data(), bytes.size(), error);
  if (!error && used < bytes.size()) error = boost::json::error::extra_data;
  return error;
}

// Text of what is none, as upstream's decoder makes it; charged for as long as it is read.
template <typename Work>
auto with_text_of(std::string_view bytes, const std::shared_ptr<limits::Account>& account, Work work) {
  constexpr size_t kLongest = 3;  // of a byte's replacement
  limits::Charge charge(account);
  if (!charge.resize(kLongest * bytes.size())) refuse(*account, kLongest * bytes.size());
  return work(as_text(bytes));
}

Expected<Json> parse_text(std::string_view bytes, size_t max_depth, std::shared_ptr<limits::Account> account) {
  Error error;
  std::array<unsigned char, 4096> first;  // of the parser's stack, enough for most
  boost::json::parser parser(make_heap(account), options_of(max_depth), first.data(), first.size());
  parser.reset(make_arena(3 * bytes.size(), std::move(account)));
  parser.write(bytes.data(), bytes.size(), error);
  if (error) return parse_error(error, bytes);
  return parser.release();
}

}  // namespace

Expected<Json> parse_json_text(std::string_view bytes, size_t max_depth, std::shared_ptr<limits::Account> account) {
  auto parsed = parse_text(bytes, max_depth, account);
  if (parsed || is_utf8(bytes)) return parsed;
  return with_text_of(bytes, account,
                      [&](const std::string& text) { return parse_text(text, max_depth, std::move(account)); });
}

void find_duplicate_fields(std::string_view bytes, const DecodeOptions& options, Problems& problems) {
  boost::json::basic_parser<DuplicateProbe> probe(options_of(options.max_depth));
  if (run(probe, bytes)) {
    if (is_utf8(bytes)) return;
    return with_text_of(bytes, options.account,
                        [&](const std::string& text) { find_duplicate_fields(text, options, problems); });
  }
  if (!probe.handler().found) return;
  boost::json::basic_parser<DuplicateNames> names(options_of(options.max_depth));
  names.handler().problems = &problems;
  names.handler().charge = limits::Charge(options.account);
  (void)run(names, bytes);
}

Expected<TypeMeta> peek_json_type(std::string_view bytes) {
  boost::json::basic_parser<TypeProbe> parser(options_of(512));
  Error error = run(parser, bytes);
  TypeProbe& probe = parser.handler();
  if (error && !(probe.has_kind && probe.has_version)) {
    return Status::bad_request("couldn't get version/kind; json parse error: " + parse_error(error, bytes).message());
  }
  if (probe.wrong_type) {
    return Status::bad_request(
        "couldn't get version/kind; json parse error: json: cannot unmarshal into Go struct field of type string");
  }
  return probe.type;
}

}  // namespace gantry::schema
