#include "apiserver/endpoints/review.h"

#include "apiserver/authn/authenticator.h"
#include "apiserver/authn/service_account_tokens.h"
#include "apiserver/authz/authorizer.h"
#include "apiserver/endpoints/decode.h"
#include "apiserver/request/node_identity.h"
#include "apiserver/request/status.h"
#include "lib/api/codec.h"
#include "lib/api/field_error.h"
#include "lib/api/kind_registry.h"
#include "proto/api/authentication/v1.pb.h"
#include "proto/api/authorization/v1.pb.h"

#include <array>
#include <type_traits>

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

using api::field::Path;

// Source: pkg/apis/authorization/validation.
template <typename Review>
api::field::ErrorList Check(const Review& review) {
  constexpr bool kNamesUser = requires { review.spec().user(); };
  constexpr bool kLocal = std::is_same_v<Review, authorization::LocalSubjectAccessReview>;
  api::field::ErrorList errors;
  const auto& spec = review.spec();
  const Path path("spec");
  if (spec.has_resourceattributes() && spec.has_nonresourceattributes()) {
    errors.Invalid(path.Child("nonResourceAttributes"),
                   api::field::BadValue::Raw(api::ToJson(spec.nonresourceattributes())),
                   "cannot be specified in combination with resourceAttributes");
  }
  if (!spec.has_resourceattributes() && !spec.has_nonresourceattributes()) {
    errors.Invalid(path.Child("resourceAttributes"), api::field::BadValue(nullptr),
                   "exactly one of nonResourceAttributes or resourceAttributes must be specified");
  }
  if constexpr (kNamesUser) {
    if (spec.user().empty() && spec.groups().empty()) {
      errors.Invalid(path.Child("user"), "", "at least one of user or group must be specified");
    }
  }
  auto metadata = review.metadata();
  metadata.clear_managedfields();
  if (kLocal) metadata.clear_namespace_();
  if (metadata.ByteSizeLong() > 0) {
    errors.Invalid(Path("metadata"), api::field::BadValue::Raw(api::ToJson(metadata)),
                   kLocal ? "must be empty except for namespace" : "must be empty");
  }
  if (kLocal && spec.has_nonresourceattributes()) {
    errors.Invalid(Path("spec.nonResourceAttributes"),
                   api::field::BadValue::Raw(api::ToJson(spec.nonresourceattributes())),
                   "disallowed on this kind of request");
  }
  return errors;
}

template <typename Review>
Result<RequestInfo> AskedFor(const Review& review) {
  const api::field::ErrorList errors = Check(review);
  if (!errors.empty()) {
    return errors.ToError("authorization.k8s.io", api::KindOf<Review>().kind, "");
  }
  const auto& spec = review.spec();
  RequestInfo info;
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

void Decide(const Environment& environment, const http::UserInfo& user, const RequestInfo& info,
            authorization::SubjectAccessReviewStatus& status) {
  status.set_allowed(environment.authorizer.Authorize(user, info).ok());
}

void SetUser(const http::UserInfo& user, api::authentication::v1::UserInfo& shown) {
  shown.set_username(user.name);
  if (!user.uid.empty()) shown.set_uid(user.uid);
  for (const std::string& group : user.groups) shown.add_groups(group);
  for (const auto& [key, values] : user.extra) {
    auto& extra = (*shown.mutable_extra())[key];
    for (const std::string& value : values) extra.add_items(value);
  }
}

Reply ReviewToken(Environment& environment, ApiRequest& request) {
  if (environment.authenticator == nullptr) {
    co_return MakeError(Reason::kServiceUnavailable, "this server reviews no tokens");
  }
  CO_TRY(auto review, DecodeReview<TokenReview>(request));
  if (review->spec().token().empty()) {
    co_return BadRequestError("token is required for TokenReview in authentication");
  }
  std::vector<std::string> audiences(review->spec().audiences().begin(),
                                     review->spec().audiences().end());
  review->clear_status();
  auto found = environment.authenticator->AuthenticateToken(review->spec().token(), audiences);
  auto& status = *review->mutable_status();
  status.mutable_user();
  if (!found.ok()) {
    status.set_error("invalid bearer token");
    co_return MessageResponse(201, *review, request.accepted);
  }
  status.set_authenticated(true);
  SetUser(found->user, *status.mutable_user());
  for (const std::string& audience : found->audiences) status.add_audiences(audience);
  co_return MessageResponse(201, *review, request.accepted);
}

Reply ReviewOwnAccess(Environment& environment, ApiRequest& request) {
  CO_TRY(auto review, DecodeReview<authorization::SelfSubjectAccessReview>(request));
  CO_TRY(RequestInfo info, AskedFor(*review));
  Decide(environment, request.user, info, *review->mutable_status());
  co_return MessageResponse(201, *review, request.accepted);
}

http::UserInfo UserOf(const authorization::SubjectAccessReviewSpec& spec) {
  http::UserInfo user;
  user.name = spec.user();
  user.groups.assign(spec.groups().begin(), spec.groups().end());
  return user;
}

Reply ReviewAccess(Environment& environment, ApiRequest& request) {
  CO_TRY(auto review, DecodeReview<authorization::SubjectAccessReview>(request));
  CO_TRY(RequestInfo info, AskedFor(*review));
  Decide(environment, UserOf(review->spec()), info, *review->mutable_status());
  co_return MessageResponse(201, *review, request.accepted);
}

Reply ReviewLocalAccess(Environment& environment, ApiRequest& request) {
  CO_TRY(auto review, DecodeReview<authorization::LocalSubjectAccessReview>(request));
  CO_TRY(RequestInfo info, AskedFor(*review));
  if (info.ns != request.info.ns) {
    co_return BadRequestError("spec.resourceAttributes.namespace must match namespace: " +
                              request.info.ns);
  }
  review->mutable_metadata()->set_namespace_(request.info.ns);
  Decide(environment, UserOf(review->spec()), info, *review->mutable_status());
  co_return MessageResponse(201, *review, request.accepted);
}

Reply ReviewOwnRules(Environment&, ApiRequest& request) {
  CO_TRY(auto review, DecodeReview<authorization::SelfSubjectRulesReview>(request));
  if (review->spec().namespace_().empty()) co_return BadRequestError("no namespace on request");
  review->clear_spec();
  review->clear_metadata();
  auto& status = *review->mutable_status();
  status.Clear();
  auto add = [](const std::vector<std::string>& words, auto* list) {
    for (const std::string& word : words) list->Add(std::string(word));
  };
  // Source: upstream plugin/pkg/auth/authorizer/node/node_authorizer.go.
  if (NodeOf(request.user)) {
    status.set_incomplete(true);
    status.set_evaluationerror("node authorizer does not support user rule resolution");
  }
  for (const authz::RuleInfo& rule : authz::RulesFor(request.user)) {
    if (rule.paths.empty()) {
      auto& resources = *status.add_resourcerules();
      add(rule.verbs, resources.mutable_verbs());
      add(rule.groups, resources.mutable_apigroups());
      add(rule.resources, resources.mutable_resources());
    } else {
      auto& paths = *status.add_nonresourcerules();
      add(rule.verbs, paths.mutable_verbs());
      add(rule.paths, paths.mutable_nonresourceurls());
    }
  }
  co_return MessageResponse(201, *review, request.accepted);
}

Reply ReviewSelf(Environment&, ApiRequest& request) {
  CO_TRY(auto review, DecodeReview<api::authentication::v1::SelfSubjectReview>(request));
  SetUser(request.user, *review->mutable_status()->mutable_userinfo());
  co_return MessageResponse(201, *review, request.accepted);
}

}  // namespace

std::span<const ReviewResource> ReviewResources() {
  constexpr std::string_view kAuthentication = "authentication.k8s.io";
  constexpr std::string_view kAuthorization = "authorization.k8s.io";
  static constexpr std::array kReviews = {
      ReviewResource{kAuthentication, "v1", "selfsubjectreviews", "SelfSubjectReview", false,
                     ReviewSelf},
      ReviewResource{kAuthentication, "v1", "tokenreviews", "TokenReview", false, ReviewToken},
      ReviewResource{kAuthorization, "v1", "localsubjectaccessreviews", "LocalSubjectAccessReview",
                     true, ReviewLocalAccess},
      ReviewResource{kAuthorization, "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview",
                     false, ReviewOwnAccess},
      ReviewResource{kAuthorization, "v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview",
                     false, ReviewOwnRules},
      ReviewResource{kAuthorization, "v1", "subjectaccessreviews", "SubjectAccessReview", false,
                     ReviewAccess}};
  return kReviews;
}

}  // namespace wherry::apiserver::endpoints
