// Inside of the room: what the YAML parser holds beside the document, which only it could count: its tokens from the
// last event to where it reads, and what it keeps until the end. One document, one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <streambuf>
#include <string_view>

#include "core/limits/account.hpp"

namespace gantry::schema {

// What the parser may hold for one document, whoever pays.
constexpr size_t kMaxYamlMemory = 64 << 20;
struct YamlTooLarge {};

class YamlMemory {
 public:
  YamlMemory(std::string_view text, std::shared_ptr<limits::Account> account);

  // The parser is about to read `piece`, the text's next one. Throws Refused when the account refuses,
  // YamlTooLarge above kMaxYamlMemory.
  void reads(std::string_view piece);
  // The parser has come to this place of the text: the tokens before it are gone.
  void comes_to(size_t at) { at_ = at > at_ ? at : at_; }
  // A value in block style. `properties`: tags and anchors it has.
  void has_value(size_t properties);
  void has_anchor(size_t name_bytes);

 private:
  struct Piece {
    size_t end, bytes;
  };
  size_t price(char c);

  limits::Charge charge_;
  const size_t byte_;
  const bool forgets_;
  std::deque<Piece> pieces_;
  size_t read_ = 0, at_ = 0;
  size_t tokens_ = 0, kept_;
  bool directive_ = false, line_begins_ = true;
  char last_ = '\n';
};

// A view as a stream's buffer, without a copy; each piece is paid before it is read.
class YamlInput : public std::streambuf {
 public:
  // Pays the first piece, and throws what the reading throws: yaml-cpp's stream leaks when its constructor is left so.
  YamlInput(std::string_view text, YamlMemory& memory);

 protected:
  std::streamsize xsgetn(char* to, std::streamsize count) override;

 private:
  void pays_to(const char* end);

  YamlMemory& memory_;
  const char* paid_;
};

}  // namespace gantry::schema
