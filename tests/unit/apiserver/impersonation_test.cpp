#include "lib/api/base64.h"
#include "lib/http/certificates.h"
#include "tests/unit/apiserver/api_fixture.h"

namespace wherry::apiserver {
namespace {

class Impersonation : public ApiFixture {
 protected:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  // A request of that user acting as somebody else.
  Answer As(const Fields& fields, std::string method, std::string target, std::string body = "",
            const std::string& token = "admin-token") {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.peer_address = "10.0.0.7:51234";
    request.headers.Set("Authorization", "Bearer " + token);
    if (!request.body.empty()) request.headers.Set("Content-Type", "application/json");
    for (const auto& [name, value] : fields) request.headers.Add(name, value);
    http::Response response = Send(std::move(request));
    Answer answer{.status = response.status, .headers = response.headers, .text = response.body};
    answer.body = nlohmann::json::parse(answer.text, nullptr, false);
    return answer;
  }
  // Who asks, as the server records it in a certificate request.
  nlohmann::json RecordedAs(const Fields& fields) {
    static const std::string key = http::MakePrivateKey().value();
    http::CertificateRequest wanted;
    wanted.subject.common_name = "x";
    std::string request;
    api::AppendBase64(request, http::MakeSigningRequest(key, wanted).value());
    nlohmann::json csr = {
        {"metadata", {{"generateName", "csr-"}}},
        {"spec",
         {{"signerName", "example.com/s"}, {"usages", {"client auth"}}, {"request", request}}}};
    Answer made =
        As(fields, "POST", "/apis/certificates.k8s.io/v1/certificatesigningrequests", csr.dump());
    EXPECT_EQ(made.status, 201) << made.text;
    return made.body["spec"];
  }
};

// The request has the rights of whom it acts as, not of who sends it.
TEST_F(Impersonation, TakesTheOthersRights) {
  Answer refused = As({{"Impersonate-User", "nobody"}}, "DELETE", "/api/v1/namespaces/default");
  EXPECT_EQ(refused.status, 403) << refused.text;
  EXPECT_EQ(refused.body["message"],
            "namespaces \"default\" is forbidden: User \"nobody\" cannot delete resource "
            "\"namespaces\" in API group \"\" in the namespace \"default\"");
  EXPECT_EQ(As({{"impersonate-user", "x"}, {"impersonate-group", "system:masters"}}, "GET",
               "/api/v1/pods")
                .status,
            200);
}

// Only administrators may act as others; every part is asked for.
TEST_F(Impersonation, IsForMasters) {
  Answer refused = As({{"Impersonate-User", "admin"}, {"Impersonate-Group", "system:masters"}},
                      "GET", "/api/v1/nodes", "", "node-token");
  EXPECT_EQ(refused.status, 403);
  EXPECT_EQ(refused.body["message"],
            "users \"admin\" is forbidden: User \"system:node:n1\" cannot impersonate resource "
            "\"users\" in API group \"\" at the cluster scope");
  Answer controller = As({{"Impersonate-User", "system:kube-controller-manager"}}, "GET",
                         "/api/v1/nodes", "", "admin-token");
  EXPECT_EQ(controller.status, 200) << controller.text;
  Answer groups_only = As({{"Impersonate-Group", "system:masters"}}, "GET", "/api/v1/nodes");
  EXPECT_EQ(groups_only.status, 500) << groups_only.text;
}

// Groups, UID and extras arrive, with the groups that everybody has.
TEST_F(Impersonation, TheWholeUser) {
  auto spec = RecordedAs({{"Impersonate-User", "jane"},
                          {"Impersonate-Group", "system:masters"},
                          {"Impersonate-Uid", "u1"},
                          {"Impersonate-Extra-Acme.com%2Fproject", "one"},
                          {"Impersonate-Extra-acme.com%2fproject", "two"},
                          {"Impersonate-Extra-wherry.dev%2Fpeer-address", "10.9.9.9"}});
  EXPECT_EQ(spec["username"], "jane");
  EXPECT_EQ(spec["uid"], "u1");
  EXPECT_EQ(spec["groups"], (nlohmann::json{"system:masters", "system:authenticated"}));
  EXPECT_EQ(spec["extra"]["acme.com/project"], (nlohmann::json{"one", "two"}));
  // What the server itself says about the request cannot be made up.
  EXPECT_EQ(spec["extra"]["wherry.dev/peer-address"], nlohmann::json::array({"10.0.0.7"}));
}

// A service account has its groups without being told.
TEST_F(Impersonation, ServiceAccounts) {
  Answer list =
      As({{"Impersonate-User", "system:serviceaccount:default:builder"}}, "GET", "/api/v1/pods");
  EXPECT_EQ(list.status, 403);
  Answer discovery =
      As({{"Impersonate-User", "system:serviceaccount:default:builder"}}, "GET", "/apis");
  EXPECT_EQ(discovery.status, 200) << "is among system:authenticated";
  Answer anonymous = As({{"Impersonate-User", "system:anonymous"}}, "GET", "/apis");
  EXPECT_EQ(anonymous.status, 403);
}

}  // namespace
}  // namespace wherry::apiserver
