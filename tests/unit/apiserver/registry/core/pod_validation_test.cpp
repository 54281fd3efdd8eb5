#include "apiserver/registry/core/strategies.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

json ValidPod() {
  return json::parse(R"({
    "metadata": {"name": "web", "namespace": "default", "labels": {"app": "web"}},
    "spec": {
      "serviceAccountName": "default",
      "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists",
                       "effect": "NoExecute", "tolerationSeconds": 300}],
      "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 100, "podAffinityTerm": {"labelSelector": {"matchLabels": {"app": "web"}},
                                            "topologyKey": "kubernetes.io/hostname"}}]}},
      "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone",
        "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": {"matchLabels": {"app": "web"}}}],
      "volumes": [
        {"name": "scratch"},
        {"name": "config", "configMap": {"name": "web-config",
                                         "items": [{"key": "a", "path": "dir/a"}]}},
        {"name": "keys", "secret": {"secretName": "web-keys", "defaultMode": 256}},
        {"name": "token", "projected": {"sources": [
          {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
          {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
          {"downwardAPI": {"items": [{"path": "namespace",
            "fieldRef": {"fieldPath": "metadata.namespace"}}]}}]}}],
      "initContainers": [{"name": "prepare", "image": "busybox:1.36", "command": ["true"]}],
      "containers": [{
        "name": "web", "image": "registry.example.com:5000/team/web:1.2",
        "ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 9090}],
        "env": [{"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                {"name": "ZONE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['zone']"}}},
                {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
                {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "web", "key": "color"}}}],
        "envFrom": [{"secretRef": {"name": "web"}, "prefix": "SECRET_"}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"},
                         {"name": "config", "mountPath": "/etc/web", "subPath": "dir"},
                         {"name": "token", "mountPath": "/var/run/secrets/x", "readOnly": true}],
        "livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}},
        "readinessProbe": {"tcpSocket": {"port": 8080}, "successThreshold": 2},
        "startupProbe": {"exec": {"command": ["true"]}},
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "1"]}}},
        "securityContext": {"runAsUser": 1000, "allowPrivilegeEscalation": false,
                            "capabilities": {"drop": ["ALL"]},
                            "seccompProfile": {"type": "RuntimeDefault"}}}]}})");
}

class PodValidation : public ::testing::Test {
 protected:
  std::unique_ptr<Strategy> strategy_ = core::MakePodStrategy();
};

TEST_F(PodValidation, AcceptsAPodOfManyParts) {
  EXPECT_THAT(CreateErrors(*strategy_, ValidPod()), IsEmpty());
}

struct PodCase {
  const char* what;
  const char* pointer;
  const char* value;
  std::vector<std::string> errors;
};

class PodErrors : public ::testing::TestWithParam<PodCase> {};

TEST_P(PodErrors, AreWordedAsUpstreams) {
  auto strategy = core::MakePodStrategy();
  json pod = With(ValidPod(), GetParam().pointer, json::parse(GetParam().value));
  EXPECT_EQ(CreateErrors(*strategy, pod), GetParam().errors);
}

const PodCase kCases[] = {
    {"NoContainers", "/spec/containers", "[]", {"spec.containers: Required value"}},
    {"NoImage", "/spec/containers/0/image", R"("")", {"spec.containers[0].image: Required value"}},
    {"SpaceInImage",
     "/spec/containers/0/image",
     R"("web ")",
     {R"(spec.containers[0].image: Invalid value: "web ": must not have leading or trailing whitespace)"}},
    {"SameNameTwice",
     "/spec/initContainers/0/name",
     R"("web")",
     {R"(spec.initContainers[0].name: Duplicate value: "web")"}},
    {"UnknownRestartPolicy",
     "/spec/restartPolicy",
     R"("Sometimes")",
     {R"(spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never")"}},
    {"PortTooHigh",
     "/spec/containers/0/ports/0/containerPort",
     "65536",
     {"spec.containers[0].ports[0].containerPort: Invalid value: 65536: must be between 1 and "
      "65535, inclusive"}},
    {"PortMissing",
     "/spec/containers/0/ports/1/containerPort",
     "0",
     {"spec.containers[0].ports[1].containerPort: Required value"}},
    {"UnknownProtocol",
     "/spec/containers/0/ports/1/protocol",
     R"("QUIC")",
     {R"(spec.containers[0].ports[1].protocol: Unsupported value: "QUIC": supported values: "SCTP", "TCP", "UDP")"}},
    {"MountWithoutVolume",
     "/spec/containers/0/volumeMounts/0/name",
     R"("nothing")",
     {R"(spec.containers[0].volumeMounts[0].name: Not found: "nothing")"}},
    {"SameMountPathTwice",
     "/spec/containers/0/volumeMounts/1/mountPath",
     R"("/tmp")",
     {R"(spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/tmp": must be unique)"}},
    {"SubPathLeavesVolume",
     "/spec/containers/0/volumeMounts/1/subPath",
     R"("../x")",
     {R"(spec.containers[0].volumeMounts.subPath: Invalid value: "../x": must not contain '..')"}},
    {"HostPath", "/spec/volumes/0/hostPath", R"({"path": "/tmp"})", {}},
    {"RequestAboveLimit",
     "/spec/containers/0/resources/requests/memory",
     R"("256Mi")",
     {R"(spec.containers[0].resources.requests: Invalid value: "256Mi": must be less than or equal to memory limit of 128Mi)"}},
    {"NegativeRequest",
     "/spec/containers/0/resources/requests/cpu",
     R"("-1")",
     {R"(spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0)"}},
    {"UnknownResource",
     "/spec/containers/0/resources/requests/gold",
     R"("1")",
     {R"(spec.containers[0].resources.requests[gold]: Invalid value: "gold": must be a standard resource type or fully qualified)",
      R"(spec.containers[0].resources.requests[gold]: Invalid value: "gold": must be a standard resource for containers)"}},
    {"ProbeWithoutHandler",
     "/spec/containers/0/livenessProbe",
     "{}",
     {"spec.containers[0].livenessProbe: Required value: must specify a handler type"}},
    {"LivenessSuccessTwice",
     "/spec/containers/0/livenessProbe/successThreshold",
     "2",
     {"spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"}},
    {"TwoHandlers",
     "/spec/containers/0/livenessProbe/exec",
     R"({"command": ["true"]})",
     {"spec.containers[0].livenessProbe.httpGet: Forbidden: may not specify more than 1 handler "
      "type"}},
    {"VariableWithTwoValues",
     "/spec/containers/0/env/0/value",
     R"("x")",
     {R"(spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty)"}},
    {"UnknownField",
     "/spec/containers/0/env/0/valueFrom/fieldRef/fieldPath",
     R"("spec.color")",
     {R"(spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.color": error converting fieldPath: field label not supported: spec.color)"}},
    {"ConfigMapWithoutName",
     "/spec/volumes/1/configMap/name",
     R"("")",
     {"spec.volumes[1].configMap.name: Required value",
      R"(spec.containers[0].volumeMounts[1].name: Not found: "config")"}},
    {"FileMode",
     "/spec/volumes/2/secret/defaultMode",
     "512",
     {"spec.volumes[2].secret.defaultMode: Invalid value: 512: must be a number between 0 and 0777 "
      "(octal), both inclusive"}},
    {"TokenTooShort",
     "/spec/volumes/3/projected/sources/0/serviceAccountToken/expirationSeconds",
     "60",
     {"spec.volumes[3].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: "
      "60: may not specify a duration less than 10 minutes",
      R"(spec.containers[0].volumeMounts[2].name: Not found: "token")"}},
    {"PrivilegedWithoutEscalation",
     "/spec/containers/0/securityContext/privileged",
     "true",
     {R"(spec.containers[0].securityContext: Invalid value: "": cannot set `allowPrivilegeEscalation` to false and `privileged` to true)"}},
    {"NegativeUser",
     "/spec/containers/0/securityContext/runAsUser",
     "-1",
     {"spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and "
      "2147483647, inclusive"}},
    {"TolerationSecondsWithoutNoExecute",
     "/spec/tolerations/0/effect",
     R"("NoSchedule")",
     {R"(spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be 'NoExecute' when `tolerationSeconds` is set)"}},
    {"AffinityWeight",
     "/spec/affinity/podAntiAffinity/preferredDuringSchedulingIgnoredDuringExecution/0/weight",
     "101",
     {"spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: "
      "Invalid value: 101: must be in the range 1-100"}},
    {"MaxSkew",
     "/spec/topologySpreadConstraints/0/maxSkew",
     "0",
     {"spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero"}},
    {"Sysctl",
     "/spec/securityContext",
     R"({"sysctls": [{"name": "Net.x", "value": "1"}]})",
     {R"(spec.securityContext.sysctls[0].name: Invalid value: "Net.x": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$)"}},
    {"EphemeralOnCreate",
     "/spec/ephemeralContainers",
     R"([{"name": "debug", "image": "x"}])",
     {"spec.ephemeralContainers: Forbidden: cannot be set on create"}},
    {"InitProbe",
     "/spec/initContainers/0/livenessProbe",
     R"({"exec": {"command": ["true"]}})",
     {"spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without "
      "restartPolicy=Always"}},
    {"Deadline",
     "/spec/activeDeadlineSeconds",
     "0",
     {"spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"}},
    {"DNSNone",
     "/spec/dnsPolicy",
     R"("None")",
     {"spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"}},
    {"HostAlias",
     "/spec/hostAliases",
     R"([{"ip": "here", "hostnames": ["a"]}])",
     {R"(spec.hostAliases.ip: Invalid value: "here": must be valid IP address)"}},
    {"TokenWithoutAccount",
     "/spec/serviceAccountName",
     R"("")",
     {"spec.volumes[3].projected.sources[0].serviceAccountToken: Forbidden: must not be specified "
      "when serviceAccountName is not set"}},
};

INSTANTIATE_TEST_SUITE_P(Table, PodErrors, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.what; });

TEST_F(PodValidation, RefusesTwoVolumeTypes) {
  json pod = With(ValidPod(), "/spec/volumes/0",
                  json::parse(R"({"name": "scratch", "emptyDir": {}, "hostPath": {"path": "/"}})"));
  EXPECT_THAT(CreateErrors(*strategy_, pod),
              ElementsAre("spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume "
                          "type",
                          R"(spec.containers[0].volumeMounts[0].name: Not found: "scratch")"));
}

}  // namespace
}  // namespace wherry::apiserver::registry
