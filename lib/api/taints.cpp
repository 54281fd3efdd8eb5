#include "lib/api/taints.h"

#include "proto/api/core/v1.pb.h"

#include <algorithm>

namespace wherry::api {

bool Tolerates(const api::core::v1::Toleration& toleration, const api::core::v1::Taint& taint) {
  if (!toleration.effect().empty() && toleration.effect() != taint.effect()) return false;
  if (!toleration.key().empty() && toleration.key() != taint.key()) return false;
  if (toleration.operator_() == "Exists") return true;
  // An empty key without Exists tolerates nothing; validation refuses it.
  return !toleration.key().empty() && toleration.value() == taint.value();
}

bool AnyTolerates(const api::core::v1::PodSpec& spec, const api::core::v1::Taint& taint) {
  return std::any_of(spec.tolerations().begin(), spec.tolerations().end(),
                     [&taint](const auto& toleration) { return Tolerates(toleration, taint); });
}

}  // namespace wherry::api
