#include "apiserver/authn/service_account_tokens.h"
#include "apiserver/endpoints/decode.h"
#include "apiserver/request/status.h"
#include "lib/api/kind_registry.h"
#include "lib/api/object_meta.h"
#include "lib/api/time.h"
#include "lib/loop/world.h"
#include "proto/api/authentication/v1.pb.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::endpoints {

using TokenRequest = api::authentication::v1::TokenRequest;
using api::field::Path;
using google::protobuf::Message;

namespace {

constexpr int64_t kShortest = 10 * 60;
constexpr int64_t kLongest = int64_t{1} << 32;
constexpr int64_t kDefault = 60 * 60;

Error Invalid(const Path& path, const api::field::BadValue& value, std::string_view detail) {
  api::field::ErrorList errors;
  errors.Invalid(path, value, detail);
  return errors.ToError("authentication.k8s.io", "TokenRequest", "");
}

Status Validate(const TokenRequest& ask, const RequestInfo& info) {
  Path metadata("metadata");
  if (!ask.metadata().name().empty() && ask.metadata().name() != info.name) {
    return Invalid(metadata.Child("name"), ask.metadata().name(),
                   "must match the service account name if specified");
  }
  if (!ask.metadata().namespace_().empty() && ask.metadata().namespace_() != info.ns) {
    return Invalid(metadata.Child("namespace"), ask.metadata().namespace_(),
                   "must match the service account namespace if specified");
  }
  Path expiration = Path("spec").Child("expirationSeconds");
  int64_t seconds = ask.spec().expirationseconds();
  if (seconds < kShortest) {
    return Invalid(expiration, seconds, "may not specify a duration less than 10 minutes");
  }
  if (seconds > kLongest) {
    return Invalid(expiration, seconds, "may not specify a duration larger than 2^32 seconds");
  }
  return Ok();
}

// Ties the token to the pod it names.
Status BindToPod(Environment& environment, const RequestInfo& info, const TokenRequest& ask,
                 authn::TokenSubject& subject) {
  const auto& reference = ask.spec().boundobjectref();
  if (reference.kind() != "Pod" || reference.apiversion() != "v1") {
    return BadRequestError("cannot bind token to object of type " + reference.apiversion() +
                           ", Kind=" + reference.kind());
  }
  const Resource& pods = *environment.store.resources().Find(api::KindOf<api::core::v1::Pod>());
  auto object = environment.store.Get(pods, info.ns, reference.name());
  if (!object) return NotFoundError(pods.name(), reference.name());
  TRY(auto message, object->message());
  const auto& pod = registry::Typed<api::core::v1::Pod>(*message);
  if (pod.spec().serviceaccountname() != info.name) {
    return BadRequestError("cannot bind token for serviceaccount \"" + info.name +
                           "\" to pod running with different serviceaccount name.");
  }
  if (!reference.uid().empty() && reference.uid() != pod.metadata().uid()) {
    return ConflictError(pods.name(), reference.name(),
                         "the UID in the bound object reference (" + reference.uid() +
                             ") does not match the UID in record. The object might have been "
                             "deleted and then recreated");
  }
  subject.pod = pod.metadata().name();
  subject.pod_uid = pod.metadata().uid();
  return Ok();
}

}  // namespace

// Source: pkg/registry/core/serviceaccount/storage/token.go.
Reply Token(Environment& environment, const Resource& resource, ApiRequest& request) {
  if (environment.tokens == nullptr) {
    co_return MakeError(Reason::kServiceUnavailable, "this server has no key to sign tokens with");
  }
  CO_TRY(WriteParameters parameters, ParseWriteParameters(request.query, "CreateOptions"));
  CO_TRY(std::unique_ptr<Message> body,
         DecodeBody(request, api::KindOf<TokenRequest>(), parameters.field_validation));
  auto& ask = registry::Typed<TokenRequest>(*body);
  const RequestInfo& info = request.info;
  auto object = environment.store.Get(resource, info.ns, info.name);
  if (!object) co_return NotFoundError(resource.name(), info.name);
  CO_TRY(auto account, object->message());
  auto& spec = *ask.mutable_spec();
  if (!spec.has_expirationseconds()) spec.set_expirationseconds(kDefault);
  if (spec.audiences_size() == 0) spec.add_audiences(environment.tokens->issuer());
  CO_TRY_STATUS(Validate(ask, info));
  ask.mutable_metadata()->set_name(info.name);
  ask.mutable_metadata()->set_namespace_(info.ns);
  const registry::Caller caller = CallerOf(request, parameters);
  CO_TRY_STATUS(environment.store.CheckRestrictions(resource, environment.store.MakeContext(caller),
                                                    &ask, nullptr));
  authn::TokenSubject subject;
  subject.ns = info.ns;
  subject.service_account = info.name;
  subject.service_account_uid = api::MetaOf(*account).uid();
  if (spec.has_boundobjectref()) {
    CO_TRY_STATUS(BindToPod(environment, info, ask, subject));
  }
  std::vector<std::string> audiences(spec.audiences().begin(), spec.audiences().end());
  CO_TRY(auto issued, environment.tokens->Issue(subject, std::move(audiences),
                                                std::chrono::seconds(spec.expirationseconds())));
  api::SetTime(ask.mutable_metadata()->mutable_creationtimestamp(), environment.world.clock.Now());
  ask.mutable_status()->set_token(issued.token);
  api::SetTime(ask.mutable_status()->mutable_expirationtimestamp(), issued.expires);
  co_return MessageResponse(201, ask, request.accepted);
}

}  // namespace wherry::apiserver::endpoints
