// An expression as a tree. Macros are no calls any more here: what they stand for is. Made by the parser, read by the
// checker and whoever evaluates; never changed after that, any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gantry::cel {

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

struct Null {};
struct Bytes {
  std::string bytes;
};
using Constant = std::variant<Null, bool, int64_t, uint64_t, double, std::string, Bytes>;

struct Ident {
  std::string name;  // ".name" is one that no inner variable hides
};
struct Select {
  ExprPtr target;
  std::string field;
  bool test = false;  // has(target.field)
};
// Operators are calls of "_+_", "!_", "@in", "_[_]", "_?_:_" and their like.
struct Call {
  ExprPtr target;  // null: of no receiver
  std::string function;
  std::vector<ExprPtr> args;
};
struct Element {
  ExprPtr value;
  bool optional = false;
};
struct MakeList {
  std::vector<Element> elements;
};
struct Entry {
  uint32_t at;
  ExprPtr key;        // of maps
  std::string field;  // of messages
  ExprPtr value;
  bool optional = false;
};
struct MakeMap {
  std::vector<Entry> entries;
};
struct MakeMessage {
  std::string type;
  std::vector<Entry> entries;
};
// accu = init; for (iter : range) { if (!condition) break; accu = step; } result. With a second name the first is the
// index or the key, the second the value.
struct Comprehension {
  std::string iter, iter2;
  ExprPtr range;
  std::string accu;
  ExprPtr init, condition, step, result;
};

using Node = std::variant<Constant, Ident, Select, Call, MakeList, MakeMap, MakeMessage, Comprehension>;

struct Expr {
  uint32_t at = 0;     // offset in bytes
  uint32_t depth = 1;  // with all below
  Node node;
};

}  // namespace gantry::cel
