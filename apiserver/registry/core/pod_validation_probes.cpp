#include "apiserver/registry/core/pod_validation_parts.h"
#include "lib/api/intstr.h"
#include "lib/api/validation.h"
#include "proto/api/core/v1.pb.h"

namespace wherry::apiserver::registry {

namespace {

constexpr std::string_view kSchemes[] = {"HTTP", "HTTPS"};

void ValidateHTTPGet(const v1::HTTPGetAction& action, const FieldPath& path, ErrorList& errors) {
  CheckRequired(errors, path.Child("path"), action.path());
  ValidatePortNumOrName(action.port(), path.Child("port"), errors);
  CheckOneOf(errors, path.Child("scheme"), action.scheme(), kSchemes);
  for (const auto& header : action.httpheaders()) {
    AddReasons(errors, path.Child("httpHeaders"), header.name(),
               api::IsHTTPHeaderName(header.name()));
  }
}

// Counts the actions of a handler: the first is looked into, others are refused.
class OneHandler {
 public:
  OneHandler(const FieldPath& path, ErrorList& errors) : path_(path), errors_(errors) {}

  template <typename Check>
  void Try(bool present, std::string_view field, const Check& check) {
    if (!present) return;
    if (seen_) {
      errors_.Forbidden(path_.Child(field), "may not specify more than 1 handler type");
      return;
    }
    seen_ = true;
    check(path_.Child(field));
  }
  void Finish() {
    if (!seen_) errors_.Required(path_, "must specify a handler type");
  }

 private:
  const FieldPath& path_;
  ErrorList& errors_;
  bool seen_ = false;
};

// What probes and lifecycle hooks have in common.
template <typename Handler>
void TryCommonActions(const Handler& handler, OneHandler& one, ErrorList& errors) {
  one.Try(handler.has_exec(), "exec", [&](const FieldPath& path) {
    if (handler.exec().command_size() == 0) errors.Required(path.Child("command"));
  });
  one.Try(handler.has_httpget(), "httpGet",
          [&](const FieldPath& path) { ValidateHTTPGet(handler.httpget(), path, errors); });
  one.Try(handler.has_tcpsocket(), "tcpSocket", [&](const FieldPath& path) {
    ValidatePortNumOrName(handler.tcpsocket().port(), path.Child("port"), errors);
  });
}

void ValidateHook(const v1::LifecycleHandler& handler, const FieldPath& path, ErrorList& errors) {
  OneHandler one(path, errors);
  TryCommonActions(handler, one, errors);
  one.Finish();
}

}  // namespace

void ValidatePortNumOrName(const api::meta::v1::IntOrString& port, const FieldPath& path,
                           ErrorList& errors) {
  if (api::IsString(port)) {
    AddReasons(errors, path, port.strval(), api::IsValidPortName(port.strval()));
  } else {
    AddReasons(errors, path, port.intval(), api::IsValidPortNum(port.intval()));
  }
}

void ValidateLifecycle(const v1::Lifecycle& lifecycle, const FieldPath& path, ErrorList& errors) {
  if (lifecycle.has_poststart()) {
    ValidateHook(lifecycle.poststart(), path.Child("postStart"), errors);
  }
  if (lifecycle.has_prestop()) ValidateHook(lifecycle.prestop(), path.Child("preStop"), errors);
}

void ValidateProbe(const v1::Probe& probe, ProbeKind kind, const FieldPath& path,
                   ErrorList& errors) {
  OneHandler one(path, errors);
  TryCommonActions(probe.handler(), one, errors);
  one.Try(probe.handler().has_grpc(), "grpc", [&](const FieldPath& at) {
    int32_t port = probe.handler().grpc().port();
    AddReasons(errors, at.Child("port"), port, api::IsValidPortNum(port));
  });
  one.Finish();
  CheckNonNegative(errors, path.Child("initialDelaySeconds"), probe.initialdelayseconds());
  CheckNonNegative(errors, path.Child("timeoutSeconds"), probe.timeoutseconds());
  CheckNonNegative(errors, path.Child("periodSeconds"), probe.periodseconds());
  CheckNonNegative(errors, path.Child("successThreshold"), probe.successthreshold());
  CheckNonNegative(errors, path.Child("failureThreshold"), probe.failurethreshold());
  FieldPath grace = path.Child("terminationGracePeriodSeconds");
  if (probe.has_terminationgraceperiodseconds()) {
    int64_t seconds = probe.terminationgraceperiodseconds();
    if (seconds <= 0) errors.Invalid(grace, seconds, "must be greater than 0");
    if (kind == ProbeKind::kReadiness) {
      errors.Invalid(grace, seconds, "must not be set for readinessProbes");
    }
  }
  if (kind != ProbeKind::kReadiness && probe.successthreshold() != 1) {
    errors.Invalid(path.Child("successThreshold"), probe.successthreshold(), "must be 1");
  }
}

}  // namespace wherry::apiserver::registry
