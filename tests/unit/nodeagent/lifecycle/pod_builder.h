#pragma once

#include "lib/api/codec.h"
#include "lib/base/check.h"
#include "proto/api/core/v1.pb.h"

#include <memory>
#include <string>
#include <string_view>

namespace wherry::nodeagent::lifecycle {

// A Pod from JSON.
inline api::core::v1::Pod PodFrom(std::string_view text) {
  api::core::v1::Pod pod;
  CHECK_OK(api::FromJson(text, &pod));
  return pod;
}

}  // namespace wherry::nodeagent::lifecycle
