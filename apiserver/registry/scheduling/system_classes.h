#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace wherry::apiserver::registry::scheduling {

// The priority classes that every cluster has, for its own pods.
// Source: pkg/apis/scheduling/v1/helpers.go.
struct SystemClass {
  std::string_view name;
  int32_t value;
  std::string_view description;
};

inline constexpr std::string_view kSystemPrefix = "system-";
inline constexpr int32_t kHighestUserValue = 1'000'000'000;

inline constexpr std::array kSystemClasses = {
    SystemClass{"system-node-critical", 2'000'001'000,
                "For pods of the system that must stay on their node."},
    SystemClass{"system-cluster-critical", 2'000'000'000,
                "For pods of the system that the cluster needs, on whichever node."},
};

}  // namespace wherry::apiserver::registry::scheduling
