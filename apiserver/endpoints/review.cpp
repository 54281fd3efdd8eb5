#include "apiserver/endpoints/review.h"

#include "apiserver/authn/authenticator.h"
#include "apiserver/authz/authorizer.h"
#include "apiserver/endpoints/decode.h"
#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "proto/api/authentication/v1.pb.h"
#include "proto/api/authorization/v1.pb.h"

#include <array>

namespace wherry::apiserver::endpoints {

namespace authorization = api::authorization::v1;
using api::authentication::v1::TokenReview;
using google::protobuf::Message;

namespace {

// A review has no table and no metadata to show apart.
Status CheckForm(const ApiRequest& request) {
  if (request.accepted.as == Accepted::As::kObject) return Ok();
  return MakeError(Reason::kNotAcceptable,
                   "only the following media types are accepted: application/json, "
                   "application/yaml, application/vnd.kubernetes.protobuf");
}

template <typename T>
Result<std::unique_ptr<T>> DecodeReview(ApiRequest& request) {
  TRY_STATUS(CheckForm(request));
  TRY(WriteParameters parameters, ParseWriteParameters(request.query, "CreateOptions"));
  TRY(std::unique_ptr<Message> body,
      DecodeBody(request, api::KindOf<T>(), parameters.field_validation));
  return std::unique_ptr<T>(static_cast<T*>(body.release()));
}

template <typename Spec>
Result<RequestInfo> AskedFor(const Spec& spec, std::string_view kind) {
  RequestInfo info;
  if (spec.has_resourceattributes() == spec.has_nonresourceattributes()) {
    api::field::ErrorList errors;
    errors.Invalid(api::field::Path("spec").Child("resourceAttributes"),
                   api::field::BadValue(nullptr),
                   "exactly one of nonResourceAttributes or resourceAttributes must be specified");
    return errors.ToError("authorization.k8s.io", kind, "");
  }
  if (spec.has_resourceattributes()) {
    const auto& asked = spec.resourceattributes();
    info.is_resource = true;
    info.ns = asked.namespace_();
    info.verb = asked.verb();
    info.group = asked.group();
    info.version = asked.version();
    info.resource = asked.resource();
    info.subresource = asked.subresource();
    info.name = asked.name();
  } else {
    info.path = spec.nonresourceattributes().path();
    info.verb = spec.nonresourceattributes().verb();
  }
  return info;
}

void Decide(const http::UserInfo& user, const RequestInfo& info,
            authorization::SubjectAccessReviewStatus& status) {
  status.set_allowed(authz::Authorize(user, info).ok());
}

Reply ReviewToken(Environment& environment, ApiRequest& request) {
  if (environment.authenticator == nullptr) {
    co_return MakeError(Reason::kServiceUnavailable, "this server reviews no tokens");
  }
  CO_TRY(auto review, DecodeReview<TokenReview>(request));
  http::Request probe;
  probe.headers.Set("Authorization", "Bearer " + review->spec().token());
  review->clear_status();
  auto user = environment.authenticator->Authenticate(probe);
  auto& status = *review->mutable_status();
  status.mutable_user();
  if (review->spec().token().empty() || !user.ok()) {
    status.set_error("the token is not valid");
    co_return MessageResponse(201, *review, request.accepted);
  }
  status.set_authenticated(true);
  status.mutable_user()->set_username(user->name);
  status.mutable_user()->set_uid(user->uid);
  for (const std::string& group : user->groups) status.mutable_user()->add_groups(group);
  *status.mutable_audiences() = review->spec().audiences();
  co_return MessageResponse(201, *review, request.accepted);
}

Reply ReviewOwnAccess(Environment&, ApiRequest& request) {
  CO_TRY(auto review, DecodeReview<authorization::SelfSubjectAccessReview>(request));
  CO_TRY(RequestInfo info, AskedFor(review->spec(), "SelfSubjectAccessReview"));
  Decide(request.user, info, *review->mutable_status());
  co_return MessageResponse(201, *review, request.accepted);
}

Reply ReviewAccess(Environment&, ApiRequest& request) {
  CO_TRY(auto review, DecodeReview<authorization::SubjectAccessReview>(request));
  CO_TRY(RequestInfo info, AskedFor(review->spec(), "SubjectAccessReview"));
  http::UserInfo user;
  user.name = review->spec().user();
  user.groups.assign(review->spec().groups().begin(), review->spec().groups().end());
  Decide(user, info, *review->mutable_status());
  co_return MessageResponse(201, *review, request.accepted);
}

}  // namespace

std::span<const ReviewResource> ReviewResources() {
  static constexpr std::array<ReviewResource, 3> kReviews = {
      ReviewResource{"authentication.k8s.io", "v1", "tokenreviews", "TokenReview", ReviewToken},
      ReviewResource{"authorization.k8s.io", "v1", "selfsubjectaccessreviews",
                     "SelfSubjectAccessReview", ReviewOwnAccess},
      ReviewResource{"authorization.k8s.io", "v1", "subjectaccessreviews", "SubjectAccessReview",
                     ReviewAccess}};
  return kReviews;
}

}  // namespace wherry::apiserver::endpoints
