#include "lib/api/descriptors.h"

#include "proto/api/apidiscovery/v2beta1.pb.h"
#include "proto/api/apps/v1.pb.h"
#include "proto/api/authentication/v1.pb.h"
#include "proto/api/authorization/v1.pb.h"
#include "proto/api/autoscaling/v1.pb.h"
#include "proto/api/certificates/v1.pb.h"
#include "proto/api/coordination/v1.pb.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/discovery/v1.pb.h"
#include "proto/api/events/v1.pb.h"
#include "proto/api/meta/v1.pb.h"
#include "proto/api/policy/v1.pb.h"
#include "proto/api/scheduling/v1.pb.h"
#include "proto/api/storage/v1.pb.h"

#include <array>

namespace wherry::api {

std::span<const google::protobuf::FileDescriptor* const> ApiFiles() {
  static const std::array files = {
      core::v1::Pod::descriptor()->file(),
      events::v1::Event::descriptor()->file(),
      authentication::v1::TokenRequest::descriptor()->file(),
      authorization::v1::SubjectAccessReview::descriptor()->file(),
      apps::v1::Deployment::descriptor()->file(),
      autoscaling::v1::Scale::descriptor()->file(),
      certificates::v1::CertificateSigningRequest::descriptor()->file(),
      policy::v1::PodDisruptionBudget::descriptor()->file(),
      scheduling::v1::PriorityClass::descriptor()->file(),
      storage::v1::StorageClass::descriptor()->file(),
      coordination::v1::Lease::descriptor()->file(),
      discovery::v1::EndpointSlice::descriptor()->file(),
      apidiscovery::v2beta1::APIGroupDiscovery::descriptor()->file(),
      meta::v1::ObjectMeta::descriptor()->file(),
  };
  return files;
}

}  // namespace wherry::api
