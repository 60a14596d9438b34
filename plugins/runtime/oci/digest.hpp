// SHA-256, whole and as data comes. Any thread, one user an object.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace gantry::oci {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void add(std::string_view bytes);
  // 64 hex digits; once.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view bytes);
// "sha256:<64 hex digits>" gives the digits; anything else nothing: what is read here becomes part of a path.
std::string digest_hex(std::string_view digest);

}  // namespace gantry::oci
