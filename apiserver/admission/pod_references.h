#pragma once

namespace wherry::api::core::v1 {
class PodSpec;
}

namespace wherry::apiserver::admission {

// Which kinds of objects a pod's volumes, variables and pulls name.
struct PodReferences {
  bool secrets = false;
  bool config_maps = false;
  bool claims = false;
  bool token_volumes = false;  // projected service account tokens
};

PodReferences ReferencesOf(const api::core::v1::PodSpec& spec);

}  // namespace wherry::apiserver::admission
