// What is wrong with an expression, and where: collected while it is read and checked, shown as cel-go shows it.
// A collector belongs to one compilation, on one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::cel {

// No place in the text.
inline constexpr uint32_t kNowhere = UINT32_MAX;

class Issues {
 public:
  // The text must outlive it.
  explicit Issues(std::string_view text) : text_(text) {}

  // `at` is an offset in bytes.
  void add(uint32_t at, std::string message);
  bool empty() const { return issues_.empty(); }
  // ERROR: <input>:1:5: MESSAGE
  //  | TEXT
  //  | ....^
  // by their places, one below the other.
  std::string text() const;

 private:
  struct Issue {
    uint32_t at;
    std::string message;
  };
  std::string_view text_;
  std::vector<Issue> issues_;
  size_t more_ = 0;
};

// The bytes of the code point that begins here; of what is none, 1.
size_t code_point_size(std::string_view text);
// As many characters as a reader counts.
size_t code_points(std::string_view text);

}  // namespace gantry::cel
