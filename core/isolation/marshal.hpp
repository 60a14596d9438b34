// How a call of an ABI function crosses between processes, by the rules of its signature: who calls puts what is given
// into a payload, who is called takes it out again, calls, and answers with a Reply. The same for what the daemon calls
// of a plugin and what a plugin calls of its host.
//
// What is given: slices, numbers, the ABI's own small structs. What comes back: the code (or the number, or slice, that
// the function returns), one buffer or number behind a pointer, and the buffer of the error, which is then the last
// parameter. Other types don't cross by a rule: sdk/cmake/abi_headers.py says so when the table is made. Pure
// functions.
#pragma once

#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/isolation/payload.hpp"
#include "core/plugin/interface_table.hpp"
#include "gantry/abi/cache.h"
#include "gantry/abi/draft/handover.h"
#include "gantry/bytes.hpp"

namespace gantry::isolation {

// One parameter. put(): by who calls. As an object, by who is called: read from the payload, passed, and asked for what
// came back.
template <typename T>
struct Argument;

template <>
struct Argument<gantry_slice> {
  static constexpr bool kGiven = true, kBack = false;
  static void put(PayloadWriter& out, gantry_slice value) { out.bytes(value); }
  explicit Argument(PayloadReader& in, bool alone = false) : value(alone ? in.rest() : in.bytes()) {}
  gantry_slice pass() const { return to_slice(value); }
  std::string_view value;
};

template <typename T>
requires std::is_arithmetic_v<T>
struct Argument<T> {
  static constexpr bool kGiven = true, kBack = false;
  static void put(PayloadWriter& out, T value) { out.number(value); }
  explicit Argument(PayloadReader& in, bool = false) : value(in.number<T>()) {}
  T pass() const { return value; }
  T value;
};

template <>
struct Argument<const gantry_resource*> {
  static constexpr bool kGiven = true, kBack = false;
  static void put(PayloadWriter& out, const gantry_resource* value) {
    out.bytes(value->group).bytes(value->version).bytes(value->resource);
  }
  explicit Argument(PayloadReader& in, bool = false)
      : value{to_slice(in.bytes()), to_slice(in.bytes()), to_slice(in.bytes())} {}
  const gantry_resource* pass() const { return &value; }
  gantry_resource value;
};

template <>
struct Argument<const gantry_predecessor*> {
  static constexpr bool kGiven = true, kBack = false;
  static void put(PayloadWriter& out, const gantry_predecessor* value) {
    out.bytes(std::string_view(value->name)).bytes(std::string_view(value->version)).number(value->has_state);
  }
  explicit Argument(PayloadReader& in, bool = false)
      : name(in.bytes()), version(in.bytes()), has_state(in.number<int32_t>()) {}
  const gantry_predecessor* pass() {
    value = {sizeof value, name.c_str(), version.c_str(), has_state};
    return &value;
  }
  std::string name, version;
  int32_t has_state;
  gantry_predecessor value{};
};

template <>
struct Argument<gantry_buffer*> {
  static constexpr bool kGiven = false, kBack = true;
  static void put(PayloadWriter&, gantry_buffer*) {}
  static void give(gantry_buffer* to, std::string bytes) { fill_buffer(to, std::move(bytes)); }
  explicit Argument(PayloadReader&, bool = false) {}
  gantry_buffer* pass() { return value.out(); }
  std::string answer() const { return std::string(value.view()); }
  Buffer value;
};

template <typename T>
requires std::is_arithmetic_v<T>
struct Argument<T*> {
  static constexpr bool kGiven = false, kBack = true;
  static void put(PayloadWriter&, T*) {}
  static void give(T* to, const std::string& bytes) { *to = PayloadReader(bytes).number<T>(); }
  explicit Argument(PayloadReader&, bool = false) {}
  T* pass() { return &value; }
  std::string answer() const { return PayloadWriter().number(value).take(); }
  T value{};
};

// A function R (FIRST, Args...); the first parameter says whose it is and never crosses. `has_error`: the last is the
// error's buffer.
template <bool has_error, typename R, typename... Args>
class Marshal {
 public:
  // Whether who calls waits for the end.
  static constexpr bool kAnswers = !std::is_void_v<R> || (Argument<Args>::kBack || ...);

  static std::string request(Args... args) {
    PayloadWriter out;
    (put(out, args), ...);
    return out.take();
  }

  // What is behind the pointers is set, and what the function returns comes back; a slice's bytes are the caller's to
  // keep.
  static R finish(Reply reply, Args... args) {
    give(reply, std::index_sequence_for<Args...>(), args...);
    if constexpr (std::is_same_v<R, gantry_code>) {
      return reply.code;
    } else if constexpr (std::is_arithmetic_v<R>) {
      return reply.code == 0 ? PayloadReader(reply.response).number<R>() : R{};
    }
  }

  // False when the payload is not what request() makes; nothing was called then.
  template <typename First>
  static bool run(R (*function)(First, Args...), First first, std::string_view payload, Reply& reply) {
    PayloadReader in(payload);
    std::tuple<Argument<Args>...> held{Argument<Args>(in, kAlone)...};  // braces: in their order
    if (!in.done()) return false;
    std::apply([&](auto&... args) { call(reply, [&] { return function(first, args.pass()...); }); }, held);
    take(reply, held, std::index_sequence_for<Args...>());
    return true;
  }

 private:
  static constexpr size_t kCount = sizeof...(Args);
  static constexpr size_t kGiven = (size_t{0} + ... + (Argument<Args>::kGiven ? 1 : 0));
  // One slice and nothing else is given: it is the payload, as large as a frame may be.
  static constexpr bool kAlone = kGiven == 1 && (std::is_same_v<Args, gantry_slice> || ...);

  template <typename T>
  static void put(PayloadWriter& out, T value) {
    if constexpr (kAlone && std::is_same_v<T, gantry_slice>) {
      out.raw(value);
    } else {
      Argument<T>::put(out, value);
    }
  }
  static constexpr bool is_error(size_t at) { return has_error && at + 1 == kCount; }

  template <size_t... at>
  static void give(Reply& reply, std::index_sequence<at...>, Args... args) {
    (give_one<at, Args>(reply, args), ...);
  }
  template <size_t at, typename T>
  static void give_one(Reply& reply, T to) {
    if constexpr (Argument<T>::kBack) {
      if constexpr (is_error(at)) {
        Argument<T>::give(to, std::move(reply.error));
      } else if (reply.code == 0) {
        Argument<T>::give(to, std::move(reply.response));
      }
    }
  }

  template <typename Call>
  static void call(Reply& reply, Call&& function) {
    if constexpr (std::is_void_v<R>) {
      function();
    } else if constexpr (std::is_same_v<R, gantry_code>) {
      reply.code = function();
    } else if constexpr (std::is_same_v<R, gantry_slice>) {
      reply.response = std::string(to_view(function()));
    } else {
      reply.response = PayloadWriter().number(function()).take();
    }
  }
  template <size_t... at>
  static void take(Reply& reply, const std::tuple<Argument<Args>...>& held, std::index_sequence<at...>) {
    (take_one<at>(reply, std::get<at>(held)), ...);
  }
  template <size_t at, typename T>
  static void take_one(Reply& reply, const Argument<T>& held) {
    if constexpr (Argument<T>::kBack) (is_error(at) ? reply.error : reply.response) = held.answer();
  }
};

// Calls one function of a table by what request() made of a call. False: the payload is not that, nothing was called.
template <bool has_error, typename Table, typename First, typename R, typename... Args>
bool run_member(R (*Table::*member)(First, Args...), const void* table, First first, std::string_view payload,
                Reply& reply) {
  return Marshal<has_error, R, Args...>::run(static_cast<const Table*>(table)->*member, first, payload, reply);
}

// Whether who calls it waits for its end.
template <typename Table, typename First, typename R, typename... Args>
constexpr bool answers(R (*Table::*)(First, Args...)) {
  return Marshal<false, R, Args...>::kAnswers;
}

}  // namespace gantry::isolation
