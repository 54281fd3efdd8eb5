#include "apiserver/registry/core/strategies.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::string kMebibyte(1024 * 1024, 'x');

TEST(ConfigMap, KeysAndSizeAreChecked) {
  auto strategy = core::MakeConfigMapStrategy();
  json map = json::parse(R"({"metadata": {"name": "c"}, "data": {"a": "1"},
                             "binaryData": {"b": "AAA="}})");
  EXPECT_THAT(CreateErrors(*strategy, map), IsEmpty());
  EXPECT_THAT(
      CreateErrors(*strategy, With(map, "/data/b", "2")),
      ElementsAre(R"(data[b]: Invalid value: "b": duplicate of key present in binaryData)"));
  EXPECT_THAT(
      CreateErrors(*strategy, With(map, "/data/a~1b", "2")),
      ElementsAre(
          R"(data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric )"
          R"(characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', )"
          R"(regex used for validation is '[-._a-zA-Z0-9]+'))"));
  EXPECT_THAT(CreateErrors(*strategy, With(map, "/data/a", kMebibyte)),
              ElementsAre("[]: Too long: must have at most 1048576 bytes"));
  EXPECT_THAT(Cells(*strategy, map), ElementsAre("c", "2", "<unknown>"));
}

TEST(ConfigMap, ImmutableOnesStay) {
  auto strategy = core::MakeConfigMapStrategy();
  json map = json::parse(R"({"metadata": {"name": "c"}, "immutable": true, "data": {"a": "1"}})");
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, map, map), IsEmpty());
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, map, With(map, "/data/a", "2")),
              ElementsAre("data: Forbidden: field is immutable when `immutable` is set"));
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, map, With(map, "/immutable", false)),
              ElementsAre("immutable: Forbidden: field is immutable when `immutable` is set"));
}

TEST(Secret, StringDataBecomesData) {
  auto strategy = core::MakeSecretStrategy();
  json secret = json::parse(R"({"metadata": {"name": "s"}, "data": {"a": "eA==", "b": "eQ=="},
                                "stringData": {"a": "new"}})");
  json stored = Encode(*Decode(*strategy, secret));
  EXPECT_EQ(stored["data"], json::parse(R"({"a": "bmV3", "b": "eQ=="})"));
  EXPECT_FALSE(stored.contains("stringData"));
  EXPECT_EQ(stored["type"], "Opaque");
  EXPECT_THAT(Cells(*strategy, secret), ElementsAre("s", "Opaque", "2", "<unknown>"));
}

TEST(Secret, TypesDemandTheirKeys) {
  auto strategy = core::MakeSecretStrategy();
  auto errors = [&strategy](const char* type, const char* data) {
    json secret = json::parse(R"({"metadata": {"name": "s"}})");
    secret["type"] = type;
    secret["stringData"] = json::parse(data);
    return CreateErrors(*strategy, secret);
  };
  EXPECT_THAT(errors("kubernetes.io/tls", R"({"tls.crt": "x"})"),
              ElementsAre("data[tls.key]: Required value"));
  EXPECT_THAT(errors("kubernetes.io/basic-auth", "{}"),
              ElementsAre("data[username]: Required value", "data[password]: Required value"));
  EXPECT_THAT(errors("kubernetes.io/basic-auth", R"({"password": ""})"), IsEmpty());
  EXPECT_THAT(errors("kubernetes.io/ssh-auth", R"({"ssh-privatekey": ""})"),
              ElementsAre("data[ssh-privatekey]: Required value"));
  EXPECT_THAT(errors("kubernetes.io/dockerconfigjson", R"({".dockerconfigjson": "{}"})"),
              IsEmpty());
  EXPECT_THAT(errors("kubernetes.io/dockerconfigjson", "{}"),
              ElementsAre("data[.dockerconfigjson]: Required value"));
  EXPECT_THAT(errors("kubernetes.io/service-account-token", "{}"),
              ElementsAre("metadata.annotations[kubernetes.io/service-account.name]: Required "
                          "value"));
  EXPECT_THAT(errors("example.com/any", "{}"), IsEmpty());
}

TEST(Secret, TypeStays) {
  auto strategy = core::MakeSecretStrategy();
  json secret = json::parse(R"({"metadata": {"name": "s"}, "type": "example.com/a"})");
  EXPECT_THAT(UpdateErrors(*strategy, *strategy, secret, With(secret, "/type", "example.com/b")),
              ElementsAre(R"(type: Invalid value: "example.com/b": field is immutable)"));
}

TEST(Endpoints, AreCheckedAndShortened) {
  auto strategy = core::MakeEndpointsStrategy();
  json endpoints = json::parse(R"({"metadata": {"name": "web"}, "subsets": [
    {"addresses": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}, {"ip": "fd00::1"}],
     "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81}]}]})");
  EXPECT_THAT(CreateErrors(*strategy, endpoints), IsEmpty());
  EXPECT_EQ(Cells(*strategy, endpoints)[1], "10.0.0.1:80,10.0.0.2:80,[fd00::1]:80 + 3 more...");
  EXPECT_THAT(
      CreateErrors(*strategy, With(endpoints, "/subsets/0/addresses/0/ip", "169.254.1.1")),
      ElementsAre(R"(subsets[0].addresses[0].ip: Invalid value: "169.254.1.1": may not be in )"
                  "the link-local range (169.254.0.0/16, fe80::/10)"));
  EXPECT_THAT(CreateErrors(*strategy, With(endpoints, "/subsets/0/ports/0/name", "")),
              ElementsAre("subsets[0].ports[0].name: Required value"));
  EXPECT_THAT(CreateErrors(*strategy, With(endpoints, "/subsets/0/addresses", json::array())),
              ElementsAre("subsets[0]: Required value: must specify `addresses` or "
                          "`notReadyAddresses`"));
  endpoints.erase("subsets");
  EXPECT_EQ(Cells(*strategy, endpoints)[1], "<none>");
}

TEST(Event, OldAndNewFormsAreChecked) {
  auto strategy = core::MakeEventStrategy();
  json event = json::parse(R"({
    "metadata": {"name": "web.1", "namespace": "default"},
    "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"},
    "reason": "Started", "message": " Started container \n", "type": "Normal", "count": 3,
    "source": {"component": "kubelet", "host": "n1"},
    "firstTimestamp": "2023-11-14T22:08:20Z", "lastTimestamp": "2023-11-14T22:13:10Z"})");
  EXPECT_THAT(CreateErrors(*strategy, event), IsEmpty());
  EXPECT_THAT(CreateErrors(*strategy, With(event, "/involvedObject/namespace", "other")),
              ElementsAre(R"(involvedObject.namespace: Invalid value: "other": does not match )"
                          "event.namespace"));
  EXPECT_THAT(
      CreateErrors(*strategy, With(event, "/eventTime", "2023-11-14T22:13:10.000000Z")),
      ElementsAre("reportingComponent: Required value",
                  ::testing::StartsWith("reportingComponent: Invalid value: \"\": name part "
                                        "must be non-empty"),
                  ::testing::StartsWith("reportingComponent: Invalid value: \"\": name part "
                                        "must consist of"),
                  "reportingInstance: Required value", "action: Required value"));
  EXPECT_THAT(Cells(*strategy, event),
              ElementsAre("10s", "Normal", "Started", "pod/web", "", "kubelet, n1",
                          "Started container", "5m", "3", "web.1"));
}

TEST(ServiceAccount, PrintsRowsAsUpstream) {
  auto strategy = core::MakeServiceAccountStrategy();
  EXPECT_THAT(Cells(*strategy, json::parse(R"({"metadata": {"name": "default"}})")),
              ElementsAre("default", "0", "<unknown>"));
}

}  // namespace
}  // namespace wherry::apiserver::registry
