#pragma once

#include "lib/json/json.h"

#include <string>

namespace wherry::apiserver::openapi {

// An OpenAPI v2 document in gnostic's protobuf form, as
// application/com.github.proto-openapi.spec.v2@v1.0+protobuf: definitions with their extensions,
// and paths with the operations' query parameters and extensions.
// Source: the message numbers of github.com/google/gnostic-models openapiv2/OpenAPIv2.proto.
std::string GnosticV2(const json::Value& document);

}  // namespace wherry::apiserver::openapi
