#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>
#include <vector>

// Content negotiation. Source: RFC 9110 section 12.5.1; k8s.io/apiserver
// pkg/endpoints/handlers/negotiation.
namespace wherry::apiserver {

enum class Encoding { kJson, kYaml, kProtobuf };
std::string_view MediaTypeOf(Encoding encoding);

// What a client accepts.
struct Accepted {
  Encoding encoding = Encoding::kJson;
  enum class As { kObject, kTable, kPartialObjectMetadata, kPartialObjectMetadataList };
  As as = As::kObject;
  std::string_view table_version = "v1";  // of meta.k8s.io; v1beta1 has the same fields
  bool pretty = false;
  bool operator==(const Accepted&) const = default;
};

// The first acceptable clause by descending quality. An empty header is JSON. `allow_as` permits
// Table and PartialObjectMetadata. Errors: kNotAcceptable when no clause can be met.
Result<Accepted> NegotiateAccept(std::string_view accept, bool allow_as);

// A body's encoding from its Content-Type; empty is JSON.
// Errors: kUnsupportedMediaType.
Result<Encoding> EncodingOfBody(std::string_view content_type);

// "application/json" out of "application/json; charset=utf-8", lower case.
std::string BareMediaType(std::string_view content_type);

// One clause of an Accept header, for endpoints with media types of their own.
struct AcceptClause {
  std::string type;  // lower case, without parameters
  std::vector<std::pair<std::string, std::string>> parameters;
  double quality = 1;

  std::string_view Parameter(std::string_view name) const;
};
// By descending quality, else in order. At most 32 clauses are read.
std::vector<AcceptClause> ParseAccept(std::string_view accept);

}  // namespace wherry::apiserver
