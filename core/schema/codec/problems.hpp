// Inside of the codecs: unknown and duplicate fields of one document, counted and cut. One thread.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/schema/codec/codec.hpp"
#include "core/schema/values/text.hpp"

namespace gantry::schema {

class Problems {
 public:
  // `told` may be null: nobody asks.
  explicit Problems(std::vector<std::string>* told) : told_(told) {}

  bool wanted() const { return told_ != nullptr; }

  // `text` is called only for what is told; equal texts are told once, as upstream does.
  template <typename Text>
  void add(Text&& text) {
    if (told_ == nullptr) return;
    if (told_->size() >= kMaxProblems) {
      ++more_;
      return;
    }
    std::string problem = cut(text(), kLongest);
    if (std::find(told_->begin(), told_->end(), problem) == told_->end()) told_->push_back(std::move(problem));
  }

  // Says how many are not told. Called once, at the end.
  void finish() {
    if (more_ > 0) told_->push_back("and " + std::to_string(more_) + " more");
  }

 private:
  static constexpr size_t kLongest = 512;

  std::vector<std::string>* told_;
  size_t more_ = 0;
};

}  // namespace gantry::schema
