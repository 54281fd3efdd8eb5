#include "apiserver/admission/chain.h"
#include "lib/api/codec.h"
#include "lib/api/kind_registry.h"
#include "lib/loop/world.h"
#include "proto/api/core/v1.pb.h"
#include "proto/api/scheduling/v1.pb.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>

namespace wherry::apiserver::admission {
namespace {

using api::core::v1::Pod;
using api::core::v1::ServiceAccount;
using api::scheduling::v1::PriorityClass;
using nlohmann::json;

class CountingRandom : public Random {
 public:
  uint64_t Next() override { return next_++; }

 private:
  uint64_t next_ = 0;
};

class AdmissionTest : public ::testing::Test {
 protected:
  // The pod's spec after admission; error_ when it was refused.
  json Admit(const json& document, const json* before = nullptr) {
    Pod pod = Decode(document);
    Pod old = before == nullptr ? Pod() : Decode(*before);
    registry::Lookup lookup =
        [this](const api::KindInfo& kind, std::string_view ns,
               std::string_view name) -> std::shared_ptr<const registry::Message> {
      if (kind.kind == "PriorityClass") {
        auto found = classes_.find(std::string(name));
        return found == classes_.end() ? nullptr : found->second;
      }
      bool known = kind.kind == "ServiceAccount" && ns == "default" && name == "default";
      return known ? account_ : nullptr;
    };
    registry::Listing listing = [this](const api::KindInfo& kind) {
      std::vector<std::shared_ptr<const registry::Message>> all;
      EXPECT_EQ(kind.kind, "PriorityClass");
      for (const auto& [name, each] : classes_) all.push_back(each);
      return all;
    };
    registry::Context context{.lookup = &lookup, .listing = &listing};
    auto chain = MakeDefaultChain({.mount_service_account_tokens = mount_}, random_);
    Status status =
        chain->Admit(context, api::KindOf<Pod>(), pod, before == nullptr ? nullptr : &old);
    error_ = status.ok() ? "" : status.error().message;
    return api::ToDocument(pod)["spec"];
  }

  void AddClass(const std::string& name, int32_t value, bool is_default,
                const std::string& policy = "PreemptLowerPriority") {
    auto added = std::make_shared<PriorityClass>();
    added->mutable_metadata()->set_name(name);
    added->set_value(value);
    added->set_globaldefault(is_default);
    added->set_preemptionpolicy(policy);
    classes_[name] = std::move(added);
  }

  static Pod Decode(const json& document) {
    Pod pod;
    EXPECT_TRUE(api::FromDocument(document, &pod).ok());
    return pod;
  }

  static json MakePod() {
    return json::parse(R"({"metadata": {"name": "web", "namespace": "default"},
                           "spec": {"containers": [{"name": "web", "image": "web"}]}})");
  }

  CountingRandom random_;
  std::shared_ptr<ServiceAccount> account_ = std::make_shared<ServiceAccount>();
  std::map<std::string, std::shared_ptr<const registry::Message>> classes_;
  bool mount_ = false;
  std::string error_;
};

TEST_F(AdmissionTest, GivesPodsTheDefaultAccountPriorityAndTolerations) {
  account_->add_imagepullsecrets()->set_name("registry");
  json spec = Admit(MakePod());
  EXPECT_EQ(error_, "");
  EXPECT_EQ(spec["serviceAccountName"], "default");
  EXPECT_EQ(spec["serviceAccount"], "default");
  EXPECT_EQ(spec["imagePullSecrets"], json::parse(R"([{"name": "registry"}])"));
  EXPECT_EQ(spec["priority"], 0);
  EXPECT_EQ(spec["preemptionPolicy"], "PreemptLowerPriority");
  EXPECT_EQ(spec["tolerations"], json::parse(R"([
    {"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute",
     "tolerationSeconds": 300},
    {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
     "tolerationSeconds": 300}])"));
  EXPECT_FALSE(spec.contains("volumes"));
}

TEST_F(AdmissionTest, RefusesPodsOfUnknownAccounts) {
  json pod = MakePod();
  pod["spec"]["serviceAccountName"] = "robot";
  Admit(pod);
  EXPECT_EQ(error_,
            "pods \"web\" is forbidden: error looking up service account default/robot: "
            "serviceaccount \"robot\" not found");
}

TEST_F(AdmissionTest, WaitsForTheDefaultAccountOnlyForItsToken) {
  account_ = nullptr;
  EXPECT_EQ(Admit(MakePod())["serviceAccountName"], "default");
  EXPECT_EQ(error_, "");
  mount_ = true;
  Admit(MakePod());
  EXPECT_THAT(error_, ::testing::HasSubstr("serviceaccount \"default\" not found"));
  json declining = MakePod();
  declining["spec"]["automountServiceAccountToken"] = false;
  Admit(declining);
  EXPECT_EQ(error_, "");
}

TEST_F(AdmissionTest, MountsATokenWhereNothingElseIs) {
  mount_ = true;
  json pod = MakePod();
  pod["spec"]["containers"][1] = json::parse(R"({"name": "own", "image": "x", "volumeMounts": [
    {"name": "mine", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]})");
  json spec = Admit(pod);
  ASSERT_EQ(spec["volumes"].size(), 1U);
  std::string name = spec["volumes"][0]["name"];
  EXPECT_THAT(name, ::testing::MatchesRegex("kube-api-access-[a-z0-9]{5}"));
  EXPECT_EQ(spec["containers"][0]["volumeMounts"][0],
            (json{{"name", name},
                  {"readOnly", true},
                  {"mountPath", "/var/run/secrets/kubernetes.io/serviceaccount"}}));
  EXPECT_EQ(spec["containers"][1]["volumeMounts"].size(), 1U);
  EXPECT_EQ(spec["volumes"][0]["projected"], json::parse(R"({"defaultMode": 420, "sources": [
    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
    {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
    {"downwardAPI": {"items": [{"path": "namespace",
      "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}}]})"));
}

TEST_F(AdmissionTest, MountsNoTokenWhenPodOrAccountDecline) {
  mount_ = true;
  json pod = MakePod();
  pod["spec"]["automountServiceAccountToken"] = false;
  EXPECT_FALSE(Admit(pod).contains("volumes"));
  account_->set_automountserviceaccounttoken(false);
  EXPECT_FALSE(Admit(MakePod()).contains("volumes"));
  pod["spec"]["automountServiceAccountToken"] = true;
  EXPECT_TRUE(Admit(pod).contains("volumes"));
}

TEST_F(AdmissionTest, PodsHaveThePriorityOfTheirClass) {
  AddClass("system-node-critical", 2'000'001'000, false);
  AddClass("quiet", -5, false, "Never");
  json pod = MakePod();
  pod["spec"]["priorityClassName"] = "system-node-critical";
  EXPECT_EQ(Admit(pod)["priority"], 2'000'001'000);
  pod["spec"]["priority"] = 7;
  Admit(pod);
  EXPECT_EQ(error_,
            "pods \"web\" is forbidden: the integer value of priority (7) must not be provided in "
            "pod spec; priority admission controller computed 2000001000 from the given "
            "PriorityClass name");
  pod["spec"]["priorityClassName"] = "gold";
  Admit(pod);
  EXPECT_EQ(error_, "pods \"web\" is forbidden: no PriorityClass with name gold was found");
  pod = MakePod();
  pod["spec"]["priorityClassName"] = "quiet";
  EXPECT_EQ(Admit(pod)["priority"], -5);
  EXPECT_EQ(Admit(pod)["preemptionPolicy"], "Never");
  pod["spec"]["preemptionPolicy"] = "PreemptLowerPriority";
  Admit(pod);
  EXPECT_NE(error_.find("the string value of PreemptionPolicy (PreemptLowerPriority) must not be"),
            std::string::npos)
      << error_;
}

TEST_F(AdmissionTest, OneClassIsTheDefault) {
  AddClass("high", 900, true);
  AddClass("low", 100, true, "Never");
  json spec = Admit(MakePod());
  EXPECT_EQ(spec["priorityClassName"], "low") << "the lowest of two that were let in";
  EXPECT_EQ(spec["priority"], 100);
  EXPECT_EQ(spec["preemptionPolicy"], "Never");
  classes_.erase("high");
  registry::Listing listing = [this](const api::KindInfo&) {
    return std::vector<std::shared_ptr<const registry::Message>>{classes_["low"]};
  };
  registry::Context context{.listing = &listing};
  auto chain = MakeDefaultChain({.mount_service_account_tokens = false}, random_);
  auto admit = [&](const std::string& name, bool is_default, bool update) {
    PriorityClass given;
    given.mutable_metadata()->set_name(name);
    given.set_globaldefault(is_default);
    Status status = chain->Admit(context, api::KindOf<PriorityClass>(), given,
                                 update ? classes_["low"].get() : nullptr);
    return status.ok() ? "" : status.error().message;
  };
  EXPECT_EQ(admit("other", false, false), "");
  EXPECT_EQ(
      admit("other", true, false),
      "priorityclasses.scheduling.k8s.io \"other\" is forbidden: PriorityClass low is already "
      "marked as default. Only one default can exist");
  EXPECT_NE(admit("other", true, true), "");
  EXPECT_EQ(admit("low", true, true), "");
}

TEST_F(AdmissionTest, LeavesTolerationsThatSayMore) {
  json pod = MakePod();
  pod["spec"]["tolerations"] = json::parse(R"([{"operator": "Exists"}])");
  EXPECT_EQ(Admit(pod)["tolerations"].size(), 1U);
}

TEST_F(AdmissionTest, KeepsThePriorityOnUpdate) {
  json before = MakePod();
  before["spec"]["priority"] = 5;
  json spec = Admit(MakePod(), &before);
  EXPECT_EQ(error_, "");
  EXPECT_EQ(spec["priority"], 5);
  EXPECT_FALSE(spec.contains("serviceAccountName"));
}

TEST_F(AdmissionTest, LeavesMirrorPodsThatReferToNothing) {
  json pod = MakePod();
  pod["metadata"]["annotations"]["kubernetes.io/config.mirror"] = "hash";
  EXPECT_FALSE(Admit(pod).contains("serviceAccountName"));
  EXPECT_EQ(error_, "");
  json with_account = pod;
  with_account["spec"]["serviceAccountName"] = "default";
  Admit(with_account);
  EXPECT_EQ(error_, "pods \"web\" is forbidden: a mirror pod may not reference service accounts");
  for (const char* volume :
       {R"({"name": "v", "secret": {"secretName": "s"}})",
        R"({"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}]}})"}) {
    json with_secret = pod;
    with_secret["spec"]["volumes"] = json::array({json::parse(volume)});
    Admit(with_secret);
    EXPECT_EQ(error_, "pods \"web\" is forbidden: a mirror pod may not reference secrets")
        << volume;
  }
  json with_variable = pod;
  with_variable["spec"]["containers"][0]["env"] =
      json::parse(R"([{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}])");
  Admit(with_variable);
  EXPECT_EQ(error_, "pods \"web\" is forbidden: a mirror pod may not reference secrets");
  json with_token = pod;
  with_token["spec"]["volumes"] = json::parse(
      R"([{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}])");
  Admit(with_token);
  EXPECT_EQ(error_,
            "pods \"web\" is forbidden: a mirror pod may not use ServiceAccountToken volume "
            "projections");
}

TEST_F(AdmissionTest, RefusesRuntimeClassesThatDoNotExist) {
  json pod = MakePod();
  pod["spec"]["runtimeClassName"] = "gvisor";
  Admit(pod);
  EXPECT_EQ(error_, "pods \"web\" is forbidden: pod rejected: RuntimeClass \"gvisor\" not found");
  pod = MakePod();
  pod["spec"]["overhead"] = {{"cpu", "1"}};
  Admit(pod);
  EXPECT_EQ(error_,
            "pods \"web\" is forbidden: pod rejected: Pod Overhead set without corresponding "
            "RuntimeClass defined Overhead");
}

}  // namespace
}  // namespace wherry::apiserver::admission
