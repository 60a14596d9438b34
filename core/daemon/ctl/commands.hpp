// What gantryctl does: one function for the whole program, so that tests run it against a socket of their own. Blocks.
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace gantry::ctl {

// 0 done, 1 it failed (why: on `err`), 2 the command line is wrong. `in` is what "image import -" reads.
int run(const std::vector<std::string>& words, std::istream& in, std::ostream& out, std::ostream& err);

}  // namespace gantry::ctl
