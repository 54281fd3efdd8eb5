#pragma once

#include "lib/base/check.h"
#include "lib/base/error.h"

#include <optional>
#include <utility>
#include <variant>

namespace wherry {

struct Unit {};

// Holds a T or the Error that explains why there is none. Reading the wrong side is a bug and ends
// the process.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  // Lets a shared_ptr<Derived> or a string literal be returned where Result<Base> is asked for.
  template <typename U>
    requires(std::is_convertible_v<U, T> && !std::is_same_v<std::decay_t<U>, T> &&
             !std::is_same_v<std::decay_t<U>, Error> && !std::is_same_v<std::decay_t<U>, Result>)
  Result(U&& value) : state_(std::in_place_index<0>, std::forward<U>(value)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & {
    CHECK_OK(*this);
    return std::get<0>(state_);
  }
  const T& value() const& {
    CHECK_OK(*this);
    return std::get<0>(state_);
  }
  T&& value() && {
    CHECK_OK(*this);
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T value_or(T fallback) && { return ok() ? std::get<0>(std::move(state_)) : std::move(fallback); }

  const Error& error() const& {
    CHECK(!ok());
    return std::get<1>(state_);
  }
  Error&& error() && {
    CHECK(!ok());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<Unit>;

inline Status Ok() { return Unit{}; }

// Drops a result on purpose, saying why.
template <typename T>
void Ignore(const T& /*result*/, const char* /*why*/) {}

}  // namespace wherry

#define WHERRY_CONCAT_INNER(a, b) a##b
#define WHERRY_CONCAT(a, b) WHERRY_CONCAT_INNER(a, b)

// `TRY(Fd dir, OpenAt(root, "etc"));` declares `dir` or returns the error. `TRY_STATUS(Step());`
// only propagates.
#define TRY(declaration, ...) \
  TRY_IMPL(declaration, WHERRY_CONCAT(try_result_, __LINE__), return, (__VA_ARGS__))
#define TRY_STATUS(...) TRY_STATUS_IMPL(WHERRY_CONCAT(try_status_, __LINE__), return, (__VA_ARGS__))
// The same inside coroutines; the expression is usually `co_await something`.
#define CO_TRY(declaration, ...) \
  TRY_IMPL(declaration, WHERRY_CONCAT(try_result_, __LINE__), co_return, (__VA_ARGS__))
#define CO_TRY_STATUS(...) \
  TRY_STATUS_IMPL(WHERRY_CONCAT(try_status_, __LINE__), co_return, (__VA_ARGS__))

#define TRY_IMPL(declaration, temporary, return_keyword, expression) \
  auto temporary = expression;                                       \
  if (!temporary.ok()) return_keyword std::move(temporary).error();  \
  declaration = std::move(temporary).value()
#define TRY_STATUS_IMPL(temporary, return_keyword, expression) \
  if (auto temporary = expression; !temporary.ok()) return_keyword std::move(temporary).error()
