#pragma once

#include <string_view>

namespace wherry::api::core::v1 {
class PodSpec;
class Taint;
class Toleration;
}  // namespace wherry::api::core::v1

namespace wherry::api {

// Source: core/v1 Toleration.ToleratesTaint.
bool Tolerates(const api::core::v1::Toleration& toleration, const api::core::v1::Taint& taint);
bool AnyTolerates(const api::core::v1::PodSpec& spec, const api::core::v1::Taint& taint);

}  // namespace wherry::api
