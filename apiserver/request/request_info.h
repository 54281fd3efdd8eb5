#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace wherry::apiserver {

// The query of a request, decoded, in order.
class Query {
 public:
  // Errors: kBadRequest on a broken escape.
  static Result<Query> Parse(std::string_view text);
  // The first value of `name`, or "".
  std::string_view Get(std::string_view name) const;
  bool Has(std::string_view name) const;
  std::vector<std::string> All(std::string_view name) const;
  // Absent, "false" and "0" are false; everything else (the empty value too) is true, as upstream's
  // parameter codec reads booleans.
  bool Bool(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

// What a request is about, read from its method, path and query.
// Source: k8s.io/apiserver pkg/endpoints/request/requestinfo.go.
struct RequestInfo {
  bool is_resource = false;
  std::string path;  // decoded
  // "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"; the lower
  // case method for non-resource requests.
  std::string verb;
  std::string group;  // "" is core
  std::string version;
  std::string ns;  // for the resource "namespaces" itself: the object's name
  std::string resource;
  std::string subresource;
  std::string name;    // of list and watch: what the field selector asks metadata.name to be
  bool named = false;  // the path itself has a name
  std::vector<std::string> rest;  // path segments after the subresource
};

RequestInfo ParseRequestInfo(std::string_view method, std::string_view decoded_path,
                             const Query& query);

}  // namespace wherry::apiserver
