#pragma once

#include "lib/api/codec.h"
#include "lib/base/check.h"

#include <memory>
#include <string_view>

namespace wherry::testing {

// An object from its JSON. Malformed JSON is a bug of the test.
template <typename T>
std::shared_ptr<T> Parse(std::string_view json) {
  auto object = std::make_shared<T>();
  const auto parsed = api::FromJson(json, object.get());
  CHECK_OK(parsed);
  return object;
}

}  // namespace wherry::testing
