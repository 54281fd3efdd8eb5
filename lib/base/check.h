#pragma once

#include <string>
#include <string_view>

namespace wherry {

// Prints "file:line: CHECK failed: expression: detail" to stderr and aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression,
                              std::string_view detail);

namespace check_internal {
template <typename R>
std::string Describe(const R& result) {
  return result.error().message;
}
}  // namespace check_internal

}  // namespace wherry

// States what only a bug can break. On in every build.
#define CHECK(condition)                                                         \
  do {                                                                           \
    if (!(condition)) ::wherry::CheckFailed(__FILE__, __LINE__, #condition, ""); \
  } while (false)
// CHECK with a detail string computed only on failure.
#define CHECK_THAT(condition, detail)                                                  \
  do {                                                                                 \
    if (!(condition)) ::wherry::CheckFailed(__FILE__, __LINE__, #condition, (detail)); \
  } while (false)
#define CHECK_OK(result)                                                 \
  do {                                                                   \
    if (!(result).ok())                                                  \
      ::wherry::CheckFailed(__FILE__, __LINE__, #result ".ok()",         \
                            ::wherry::check_internal::Describe(result)); \
  } while (false)
