#pragma once

#include "apiserver/endpoints/endpoint.h"
#include "lib/json/json.h"

#include <memory>

namespace wherry::apiserver::endpoints {

enum class FieldValidation { kIgnore, kWarn, kStrict };

// Options that come as query parameters with every write.
struct WriteParameters {
  bool dry_run = false;
  FieldValidation field_validation = FieldValidation::kWarn;
};
// `options_kind` is the kind that messages name: "CreateOptions". Errors: kInvalid.
Result<WriteParameters> ParseWriteParameters(const Query& query, std::string_view options_kind);

// Of what is asked of an object, and is no object of a user's, nothing sensible is larger than a
// body that is read on the loop. Errors: kRequestEntityTooLarge.
Status CheckSmallBody(const ApiRequest& request);

// The apiVersion that a small body says it has, "" when it says none or cannot be read.
std::string ApiVersionOfBody(const ApiRequest& request);

// A small body as an object of `kind`, without defaults. apiVersion and kind may be left out; where
// they are given they must fit. Unknown and duplicate fields are ignored, put into
// request.warnings, or refused. Errors: kBadRequest in upstream's words, kUnsupportedMediaType,
// kRequestEntityTooLarge.
Result<std::unique_ptr<google::protobuf::Message>> DecodeBody(ApiRequest& request,
                                                              const api::KindInfo& kind,
                                                              FieldValidation validation);

// The same for a body of any size (see read_body.h), with all defaults of the resource.
Task<Result<std::unique_ptr<google::protobuf::Message>>> DecodeObject(Environment& environment,
                                                                      const Resource& resource,
                                                                      ApiRequest& request,
                                                                      FieldValidation validation);

// A patched document as an object of `kind`, without defaults; checked like a body.
Result<std::unique_ptr<google::protobuf::Message>> MessageFromDocument(
    const api::KindInfo& kind, const json::Value& document, ApiRequest& request,
    FieldValidation validation, const std::vector<json::DuplicateKey>& duplicates);

// The same as an object of the resource, with all defaults.
Result<std::unique_ptr<google::protobuf::Message>> ObjectFromDocument(
    const Resource& resource, json::Value document, ApiRequest& request, FieldValidation validation,
    const std::vector<json::DuplicateKey>& duplicates);

// Who writes what: for registry::Store.
registry::Caller CallerOf(const ApiRequest& request, const WriteParameters& parameters);

}  // namespace wherry::apiserver::endpoints
