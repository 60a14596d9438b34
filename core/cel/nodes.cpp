// Owns the making and copying of nodes, and how many and how deep they may be. One parser, one thread.
#include <algorithm>

#include "core/cel/macros.hpp"
#include "core/cel/parser.hpp"

namespace gantry::cel {
namespace {

// Each child of a node.
template <typename Visit>
struct Children {
  Visit visit;
  void operator()(const Constant&) {}
  void operator()(const Ident&) {}
  void operator()(const Select& select) { visit(select.target); }
  void operator()(const Call& call) {
    visit(call.target);
    for (const ExprPtr& arg : call.args) visit(arg);
  }
  void operator()(const MakeList& list) {
    for (const Element& element : list.elements) visit(element.value);
  }
  void operator()(const MakeMap& map) { entries(map.entries); }
  void operator()(const MakeMessage& message) { entries(message.entries); }
  void operator()(const Comprehension& fold) {
    for (const ExprPtr* child : {&fold.range, &fold.init, &fold.condition, &fold.step, &fold.result}) visit(*child);
  }
  void entries(const std::vector<Entry>& list) {
    for (const Entry& entry : list) {
      visit(entry.key);
      visit(entry.value);
    }
  }
};

struct Copy {
  Nodes& nodes;

  ExprPtr operator()(const ExprPtr& expr) { return expr != nullptr ? nodes.copy(*expr) : nullptr; }
  std::vector<Entry> operator()(const std::vector<Entry>& list) {
    std::vector<Entry> out;
    for (const Entry& one : list)
      out.push_back({one.at, (*this)(one.key), one.field, (*this)(one.value), one.optional});
    return out;
  }

  Node operator()(const Constant& value) { return value; }
  Node operator()(const Ident& ident) { return ident; }
  Node operator()(const Select& select) { return Select{(*this)(select.target), select.field, select.test}; }
  Node operator()(const Call& call) {
    Call out{(*this)(call.target), call.function, {}};
    for (const ExprPtr& arg : call.args) out.args.push_back((*this)(arg));
    return out;
  }
  Node operator()(const MakeList& list) {
    MakeList out;
    for (const Element& one : list.elements) out.elements.push_back({(*this)(one.value), one.optional});
    return out;
  }
  Node operator()(const MakeMap& map) { return MakeMap{(*this)(map.entries)}; }
  Node operator()(const MakeMessage& message) { return MakeMessage{message.type, (*this)(message.entries)}; }
  Node operator()(const Comprehension& fold) {
    return Comprehension{fold.iter,          fold.iter2,          (*this)(fold.range),
                         fold.accu,          (*this)(fold.init),  (*this)(fold.condition),
                         (*this)(fold.step), (*this)(fold.result)};
  }
};

}  // namespace

bool Nodes::too_many() const { return count_ > kMostNodes; }

ExprPtr Nodes::make(uint32_t at, Node node) {
  uint32_t deepest = 0;
  const auto look = [&](const ExprPtr& child) {
    if (child != nullptr) deepest = std::max(deepest, child->depth);
  };
  std::visit(Children<decltype(look)>{look}, node);
  if (deepest >= kDeepestTree) too_deep_ = true;
  if (++count_ > kMostNodes || too_deep_) return nullptr;
  auto made = std::make_unique<Expr>();
  made->at = at;
  made->depth = deepest + 1;
  made->node = std::move(node);
  return made;
}

ExprPtr Nodes::call(uint32_t at, std::string function, std::vector<ExprPtr> args) {
  return make(at, Call{nullptr, std::move(function), std::move(args)});
}

ExprPtr Nodes::copy(const Expr& expr) {
  if (too_many()) return nullptr;
  return make(expr.at, std::visit(Copy{*this}, expr.node));
}

}  // namespace gantry::cel
