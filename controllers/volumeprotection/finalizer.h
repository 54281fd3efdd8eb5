#pragma once

#include "controllers/objects/types.h"
#include "lib/client/api_client.h"

#include <string_view>

// The finalizers that keep storage while it is in use. Source: upstream
// pkg/controller/volume/protectionutil.
namespace wherry::controllers::volumeprotection {

inline constexpr char kClaimFinalizer[] = "kubernetes.io/pvc-protection";
inline constexpr char kVolumeFinalizer[] = "kubernetes.io/pv-protection";

enum class Step { kNothing, kAdd, kRemoveUnlessUsed };
// What an object with this metadata is due.
Step NextStep(const metav1::ObjectMeta& metadata, std::string_view finalizer);

// Writes the object with the finalizer, or without it. Fine when somebody else has written it
// meanwhile: the next event tells.
Task<Status> AddFinalizer(client::ApiClient& client, client::MessagePtr object,
                          std::string_view finalizer);
Task<Status> RemoveFinalizer(client::ApiClient& client, client::MessagePtr object,
                             std::string_view finalizer);

}  // namespace wherry::controllers::volumeprotection
