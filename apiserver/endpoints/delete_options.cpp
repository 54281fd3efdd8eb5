#include "apiserver/endpoints/delete_options.h"

#include "apiserver/request/status.h"
#include "apiserver/request/yaml.h"
#include "lib/api/codec.h"
#include "lib/api/field_error.h"
#include "lib/api/object_meta.h"
#include "proto/api/meta/v1.pb.h"

#include <nlohmann/json.hpp>

#include <charconv>

namespace wherry::apiserver::endpoints {

using api::field::Path;
using Options = api::meta::v1::DeleteOptions;

namespace {

constexpr std::string_view kKind = "DeleteOptions";

Error NotDeleteOptions(std::string_view kind) {
  return BadRequestError("decoded object cannot be converted to DeleteOptions: it is a " +
                         std::string(kind));
}

Result<Options> FromProtobufBody(const std::string& body) {
  TRY(auto envelope, api::ParseEnvelope(body));
  if (!envelope.kind.empty() && envelope.kind != kKind) return NotDeleteOptions(envelope.kind);
  Options options;
  if (!options.ParsePartialFromArray(envelope.raw.data(), static_cast<int>(envelope.raw.size()))) {
    return BadRequestError("proto: illegal wire format");
  }
  return options;
}

Result<Options> FromTextBody(const std::string& body, Encoding encoding) {
  auto document = encoding == Encoding::kYaml ? DocumentFromYaml(body) : json::Parse(body);
  if (!document.ok()) {
    return BadRequestError("couldn't get version/kind; json parse error: " +
                           document.error().message);
  }
  std::string_view kind = document->is_object() ? api::KindNameOf(*document) : "";
  if (!kind.empty() && kind != kKind) return NotDeleteOptions(kind);
  Options options;
  TRY_STATUS(api::FromDocument(*document, &options));
  return options;
}

Result<Options> FromQuery(const Query& query) {
  Options options;
  std::string_view grace = query.Get("gracePeriodSeconds");
  if (!grace.empty()) {
    int64_t seconds = 0;
    auto parsed = std::from_chars(grace.data(), grace.data() + grace.size(), seconds);
    if (parsed.ec != std::errc() || parsed.ptr != grace.data() + grace.size()) {
      return BadRequestError("strconv.ParseInt: parsing \"" + std::string(grace) +
                             "\": invalid syntax");
    }
    options.set_graceperiodseconds(seconds);
  }
  if (query.Has("propagationPolicy")) {
    options.set_propagationpolicy(std::string(query.Get("propagationPolicy")));
  }
  if (query.Has("orphanDependents")) {
    options.set_orphandependents(query.Bool("orphanDependents"));
  }
  for (const std::string& value : query.All("dryRun")) options.add_dryrun(value);
  return options;
}

// Source: apimachinery pkg/apis/meta/v1/validation.
Status Validate(const Options& options) {
  api::field::ErrorList errors;
  Path policy("propagationPolicy");
  if (options.has_orphandependents() && options.has_propagationpolicy()) {
    errors.Invalid(policy, options.propagationpolicy(),
                   "orphanDependents and deletionPropagation cannot be both set");
  }
  if (options.has_propagationpolicy()) {
    const std::string& value = options.propagationpolicy();
    if (value != "Foreground" && value != "Background" && value != "Orphan") {
      errors.NotSupported(policy, value, {"Foreground", "Background", "Orphan", "nil"});
    }
  }
  for (const std::string& value : options.dryrun()) {
    if (value != "All") errors.NotSupported(Path("dryRun"), value, {"All"});
  }
  if (errors.empty()) return Ok();
  return errors.ToError("meta.k8s.io", kKind, "");
}

}  // namespace

Result<DeleteParameters> ParseDeleteOptions(ApiRequest& request) {
  TRY_STATUS(CheckSmallBody(request));
  Options options;
  if (request.http.body.empty()) {
    TRY(options, FromQuery(request.query));
  } else {
    TRY(Encoding encoding, EncodingOfBody(request.http.headers.Get("Content-Type")));
    if (encoding == Encoding::kProtobuf) {
      TRY(options, FromProtobufBody(request.http.body));
    } else {
      TRY(options, FromTextBody(request.http.body, encoding));
    }
  }
  return CheckedDeleteOptions(options);
}

Result<DeleteParameters> CheckedDeleteOptions(const Options& options) {
  TRY_STATUS(Validate(options));
  DeleteParameters parameters;
  parameters.write.dry_run = options.dryrun_size() > 0;
  if (options.has_graceperiodseconds()) {
    parameters.options.grace_period_seconds = options.graceperiodseconds();
  }
  parameters.options.propagation_policy = options.propagationpolicy();
  if (options.has_orphandependents()) {
    parameters.options.orphan_dependents = options.orphandependents();
  }
  parameters.options.uid = options.preconditions().uid();
  parameters.options.resource_version = options.preconditions().resourceversion();
  return parameters;
}

}  // namespace wherry::apiserver::endpoints
