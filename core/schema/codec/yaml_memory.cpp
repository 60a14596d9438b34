#include "core/schema/codec/yaml_memory.hpp"

#include <algorithm>
#include <new>

#include "core/schema/values/counted.hpp"

namespace gantry::schema {
namespace {

// The sizes are those of yaml-cpp 0.7: a token is 88 bytes, and 5 of them share a block of the queue. Between two
// events the queue holds all that was read: in brackets until the outermost closes, for that may still turn out to be
// a key; in block style until the end of a line, or of lines that are one scalar to it. What a character is asked for
// is the most tokens that come with it.
constexpr size_t kToken = 112;
// A key that is not one yet, for each level of brackets.
constexpr size_t kLevel = 64;
// A scalar while it grows, and its copies on the way to the token.
constexpr size_t kByte = 5, kWideByte = 10;
// Until the end: the mark of an indentation, where any value of block style may have begun one; a name and a number in
// the parser's map and a value in the reader's.
constexpr size_t kIndentation = 64, kAnchor = 192;
constexpr size_t kParser = 16 << 10;
// At least what the parser reads while it is constructed.
constexpr size_t kFirstRead = 4 << 10;

// UTF-16 and 32 are read as UTF-8, whose places are not those of the bytes.
bool is_wide(std::string_view text) {
  const std::string_view begin = text.substr(0, 4);
  return std::any_of(begin.begin(), begin.end(), [](char c) { return c == '\0' || c == '\xfe' || c == '\xff'; });
}

size_t tokens_of(char c) {
  switch (c) {
    case ',':  // the value of a key without one, the comma, a possible key and its scalar
    case '[':
    case '{':
      return 4;
    case ']':
    case '}':
      return 3;
    case ':':
    case '?':
    case '&':
    case '*':
    case '!':
      return 2;
    case '%':
    case '\n':
    case '\r':
      return 1;
    default:
      return 0;
  }
}

}  // namespace

YamlMemory::YamlMemory(std::string_view text, std::shared_ptr<limits::Account> account)
    : charge_(std::move(account)), byte_(is_wide(text) ? kWideByte : kByte), forgets_(!is_wide(text)), kept_(kParser) {
  charge_.settle(kept_);
}

size_t YamlMemory::price(char c) {
  size_t bytes = byte_ + tokens_of(c) * kToken;
  if (c == '[' || c == '{') bytes += kLevel;
  if (c == '"' || c == '\'') bytes += kToken / 2;
  const bool line = c == '\n' || c == '\r', blank = line || c == ' ' || c == '\t';
  // A list or a map in block style begins, and ends: beside its entry, two tokens and the mark of an indentation.
  if (blank && last_ == '-') bytes += 3 * kToken + kIndentation;
  const bool begins = c == '?' || c == ':';
  if (begins && line_begins_) bytes += 2 * kToken + kIndentation;
  line_begins_ = line || (line_begins_ && (blank || begins || c == '-' || c == '\0'));
  // The end of a document, after which what looks like a key begins a map.
  if (c == '.' && (last_ == '\n' || last_ == '\r')) bytes += 2 * kToken + kIndentation;
  // A word of a directive is a string in a list.
  if (blank && directive_) bytes += kToken + kByte;
  if (c != '\0') last_ = c;
  return bytes;
}

void YamlMemory::reads(std::string_view piece) {
  size_t bytes = 0;
  for (const char c : piece) {
    if (c == '%') directive_ = true;
    (directive_ ? kept_ : bytes) += price(c);
    if (c == '\n' || c == '\r') directive_ = false;
  }
  while (forgets_ && !pieces_.empty() && pieces_.front().end <= at_) {
    tokens_ -= pieces_.front().bytes;
    pieces_.pop_front();
  }
  read_ += piece.size();
  tokens_ += bytes;
  pieces_.push_back({read_, bytes});
  if (tokens_ + kept_ > kMaxYamlMemory) throw YamlTooLarge();
  if (tokens_ + kept_ <= kParser + kUnasked) {
    charge_.settle(tokens_ + kept_);
  } else if (!charge_.resize(tokens_ + kept_)) {
    refuse(*charge_.account(), tokens_ + kept_);
  }
}

void YamlMemory::has_value(size_t properties) { kept_ += (1 + properties) * kIndentation; }

void YamlMemory::has_anchor(size_t name_bytes) { kept_ += kAnchor + 2 * name_bytes; }

YamlInput::YamlInput(std::string_view text, YamlMemory& memory) : memory_(memory), paid_(text.data()) {
  char* begin = const_cast<char*>(text.data());  // never written to: input only
  setg(begin, begin, begin + text.size());
  pays_to(begin + std::min(text.size(), kFirstRead));
}

void YamlInput::pays_to(const char* end) {
  if (end <= paid_) return;
  memory_.reads({paid_, static_cast<size_t>(end - paid_)});
  paid_ = end;
}

std::streamsize YamlInput::xsgetn(char* to, std::streamsize count) {
  const auto size = std::min<std::streamsize>(count, egptr() - gptr());
  pays_to(gptr() + size);
  return std::streambuf::xsgetn(to, size);
}

}  // namespace gantry::schema
