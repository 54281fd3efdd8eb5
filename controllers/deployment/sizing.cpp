#include "controllers/deployment/sizing.h"

#include "controllers/deployment/names.h"
#include "lib/api/intstr.h"
#include "proto/api/apps/v1.pb.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace wherry::controllers::deployment {
namespace {

bool IsRollingUpdate(const appsv1::Deployment& deployment) {
  return deployment.spec().strategy().type() == "RollingUpdate";
}

// Validation refuses malformed values, so zero stands in for them.
int32_t Scaled(const metav1::IntOrString& value, int32_t total, bool round_up) {
  return api::ScaledValueFromIntOrPercent(value, total, round_up).value_or(0);
}

}  // namespace

Fenceposts ResolveFenceposts(const appsv1::Deployment& deployment) {
  if (!IsRollingUpdate(deployment)) return {};
  const int32_t replicas = deployment.spec().replicas();
  const auto& rolling = deployment.spec().strategy().rollingupdate();
  Fenceposts posts;
  if (rolling.has_maxsurge()) posts.surge = Scaled(rolling.maxsurge(), replicas, true);
  if (rolling.has_maxunavailable())
    posts.unavailable = Scaled(rolling.maxunavailable(), replicas, false);
  if (posts.surge == 0 && posts.unavailable == 0) posts.unavailable = 1;
  posts.unavailable = std::min(posts.unavailable, replicas);
  return posts;
}

int32_t MaxTotalReplicas(const appsv1::Deployment& deployment) {
  return deployment.spec().replicas() + ResolveFenceposts(deployment).surge;
}

int32_t NewReplicaSetSize(const appsv1::Deployment& deployment, int32_t current_total,
                          int32_t new_size) {
  const int32_t replicas = deployment.spec().replicas();
  if (!IsRollingUpdate(deployment)) return replicas;
  const int32_t room = MaxTotalReplicas(deployment) - current_total;
  if (room <= 0) return new_size;
  return new_size + std::min(room, replicas - new_size);
}

int32_t Proportion(const appsv1::Deployment& deployment, const appsv1::ReplicaSet& replica_set,
                   int32_t to_add, int32_t added) {
  const int32_t size = replica_set.spec().replicas();
  if (size == 0 || to_add == added) return 0;
  const int32_t left = to_add - added;
  int32_t fraction = -size;  // scaling to zero takes all of it
  if (deployment.spec().replicas() > 0) {
    // The size the deployment had when this set was last sized; its current one as a fallback.
    int32_t sized_for = deployment.status().replicas();
    const auto& annotations = replica_set.metadata().annotations();
    if (auto it = annotations.find(kMaxReplicas); it != annotations.end()) {
      int32_t parsed = 0;
      const std::string& text = it->second;
      if (std::from_chars(text.data(), text.data() + text.size(), parsed).ec == std::errc())
        sized_for = parsed;
    }
    if (sized_for <= 0) return 0;
    const double scaled =
        static_cast<double>(size) * MaxTotalReplicas(deployment) / static_cast<double>(sized_for);
    fraction = static_cast<int32_t>(std::lround(scaled)) - size;
  }
  return to_add > 0 ? std::min(fraction, left) : std::max(fraction, left);
}

}  // namespace wherry::controllers::deployment
