#include "apiserver/registry/core/strategies.h"
#include "tests/unit/apiserver/registry/core/strategy_case.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::registry {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// As it looks once the allocator has filled it in.
json ClusterIPService() {
  return json::parse(R"({
    "metadata": {"name": "web", "namespace": "default",
                 "creationTimestamp": "2023-11-14T22:03:20Z"},
    "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}],
             "clusterIP": "10.96.0.10", "clusterIPs": ["10.96.0.10"],
             "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}})");
}

json NodePortService() {
  json service = With(ClusterIPService(), "/spec/type", "NodePort");
  return With(service, "/spec/ports/0/nodePort", 30080);
}

class ServiceStrategyTest : public ::testing::Test {
 protected:
  // What is stored and what is refused when `after` replaces `before`.
  json Update(const json& before, const json& after) {
    auto old = Decode(*strategy_, before);
    auto object = Decode(*strategy_, after);
    Context context{.now = kNow};
    EXPECT_TRUE(strategy_->Begin(context, *object, old.get()).ok());
    strategy_->PrepareForUpdate(context, *object, *old);
    errors_ = Messages(strategy_->ValidateUpdate(context, *object, *old));
    return Encode(*object);
  }

  std::unique_ptr<Strategy> strategy_ = core::MakeServiceStrategy();
  std::vector<std::string> errors_;
};

TEST_F(ServiceStrategyTest, DefaultsWhatDependsOnOtherFields) {
  json stored = Encode(*Decode(*strategy_, NodePortService()));
  EXPECT_EQ(stored["spec"]["ports"][0],
            json::parse(R"({"port": 80, "protocol": "TCP", "targetPort": 80, "nodePort": 30080})"));
  EXPECT_EQ(stored["spec"]["externalTrafficPolicy"], "Cluster");
  EXPECT_EQ(stored["spec"]["internalTrafficPolicy"], "Cluster");
  json sticky = With(ClusterIPService(), "/spec/sessionAffinity", "ClientIP");
  EXPECT_EQ(Encode(*Decode(*strategy_, sticky))["spec"]["sessionAffinityConfig"],
            json::parse(R"({"clientIP": {"timeoutSeconds": 10800}})"));
}

struct ServiceCase {
  const char* what;
  const char* pointer;
  const char* value;
  std::vector<std::string> errors;
};

class ServiceErrors : public ::testing::TestWithParam<ServiceCase> {};

TEST_P(ServiceErrors, AreWordedAsUpstreams) {
  auto strategy = core::MakeServiceStrategy();
  json service = With(ClusterIPService(), GetParam().pointer, json::parse(GetParam().value));
  EXPECT_EQ(CreateErrors(*strategy, service), GetParam().errors);
}

const ServiceCase kCases[] = {
    {"Valid", "/spec/ports/0/targetPort", R"("http")", {}},
    {"NoPorts", "/spec/ports", "[]", {"spec.ports: Required value"}},
    {"PortRange",
     "/spec/ports/0/port",
     "70000",
     {"spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
      "spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive"}},
    {"TwoPortsNeedNames",
     "/spec/ports",
     R"([{"port": 80}, {"name": "b", "port": 81}])",
     {"spec.ports[0].name: Required value"}},
    {"SamePortTwice",
     "/spec/ports",
     R"([{"name": "a", "port": 80}, {"name": "b", "port": 80}])",
     {R"(spec.ports[1]: Duplicate value: core.ServicePort{Name:"", Protocol:"TCP", AppProtocol:(*string)(nil), Port:80, TargetPort:intstr.IntOrString{Type:0, IntVal:0, StrVal:""}, NodePort:0})"}},
    {"NodePortOfClusterIP",
     "/spec/ports/0/nodePort",
     "30000",
     {"spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"}},
    {"UnknownType",
     "/spec/type",
     R"("Cloud")",
     {R"(spec.type: Unsupported value: "Cloud": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort")"}},
    {"BadLabel",
     "/spec/selector/app",
     R"("a b")",
     {R"(spec.selector: Invalid value: "a b": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?'))"}},
    {"ExternalIPLoopback",
     "/spec/externalIPs",
     R"(["127.0.0.1"])",
     {R"(spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128))"}},
    {"TwoOfOneFamily",
     "/spec/clusterIPs",
     R"(["10.96.0.10", "10.96.0.11"])",
     {R"(spec.clusterIPs: Invalid value: []string{"10.96.0.10", "10.96.0.11"}: may specify no more than one IP for each IP family)"}},
    {"IPsDiffer",
     "/spec/clusterIPs",
     R"(["10.96.0.11"])",
     {R"(spec.clusterIPs: Invalid value: []string{"10.96.0.11"}: first value must match `clusterIP`)"}},
    {"AffinityTimeout",
     "/spec",
     R"({"ports": [{"port": 80}], "clusterIP": "None", "clusterIPs": ["None"],
         "sessionAffinity": "ClientIP",
         "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 0}}})",
     {"spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than "
      "0 "
      "and less than 86400"}},
};

INSTANTIATE_TEST_SUITE_P(Table, ServiceErrors, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return info.param.what; });

TEST_F(ServiceStrategyTest, ExternalNameNeedsOneAndNoAddresses) {
  json service = json::parse(R"({"metadata": {"name": "db"}, "spec": {"type": "ExternalName"}})");
  EXPECT_THAT(CreateErrors(*strategy_, service), ElementsAre("spec.externalName: Required value"));
  service = With(service, "/spec/externalName", "db.example.com.");
  EXPECT_THAT(CreateErrors(*strategy_, service), IsEmpty());
}

TEST_F(ServiceStrategyTest, KeepsWhatTheServerAllocated) {
  json again = json::parse(R"({"metadata": {"name": "web"},
    "spec": {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 8080}]}})");
  json stored = Update(NodePortService(), again);
  EXPECT_EQ(stored["spec"]["clusterIP"], "10.96.0.10");
  EXPECT_EQ(stored["spec"]["clusterIPs"], json::parse(R"(["10.96.0.10"])"));
  EXPECT_EQ(stored["spec"]["ports"][0]["nodePort"], 30080);
}

TEST_F(ServiceStrategyTest, ClusterIPStays) {
  json moved = With(ClusterIPService(), "/spec/clusterIP", "10.96.0.11");
  Update(ClusterIPService(), moved);
  EXPECT_THAT(errors_, ElementsAre(R"(spec.clusterIPs[0]: Invalid value: []string{"10.96.0.11"}: )"
                                   "may not change once set"));
}

TEST_F(ServiceStrategyTest, DropsWhatTheNewTypeHasNoUseFor) {
  json cluster_ip = With(NodePortService(), "/spec/type", "ClusterIP");
  json stored = Update(NodePortService(), cluster_ip);
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_FALSE(stored["spec"]["ports"][0].contains("nodePort"));
  EXPECT_FALSE(stored["spec"].contains("externalTrafficPolicy"));
  json external = With(ClusterIPService(), "/spec/type", "ExternalName");
  stored = Update(ClusterIPService(), With(external, "/spec/externalName", "example.com"));
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_FALSE(stored["spec"].contains("clusterIP"));
  EXPECT_FALSE(stored["spec"].contains("ipFamilies"));
}

TEST_F(ServiceStrategyTest, PrintsRowsAsUpstream) {
  EXPECT_THAT(Cells(*strategy_, ClusterIPService()),
              ElementsAre("web", "ClusterIP", "10.96.0.10", "<none>", "80/TCP", "10m", "app=web"));
  EXPECT_THAT(
      Cells(*strategy_, NodePortService()),
      ElementsAre("web", "NodePort", "10.96.0.10", "<none>", "80:30080/TCP", "10m", "app=web"));
  json balanced = With(NodePortService(), "/spec/type", "LoadBalancer");
  EXPECT_EQ(Cells(*strategy_, balanced)[3], "<pending>");
  balanced["status"]["loadBalancer"]["ingress"] = json::parse(R"([{"ip": "192.0.2.1"}])");
  EXPECT_EQ(Cells(*strategy_, With(balanced, "/spec/externalIPs", {"198.51.100.7"}))[3],
            "192.0.2.1,198.51.100.7");
}

}  // namespace
}  // namespace wherry::apiserver::registry
