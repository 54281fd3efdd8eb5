#include "cli/join.h"

#include "cli/files.h"
#include "cli/keys/join_token.h"
#include "cli/keys/stored_certificate.h"
#include "lib/api/kind_registry.h"
#include "lib/client/api_client.h"
#include "lib/client/kubeconfig.h"
#include "lib/http/curl_client.h"
#include "lib/loop/sync.h"
#include "proto/api/certificates/v1.pb.h"

#include <chrono>
#include <memory>
#include <vector>

namespace wherry::cli {
namespace {

namespace certificates = api::certificates::v1;
using namespace std::chrono_literals;

constexpr std::chrono::seconds kSigningTimeout = 60s;

Task<Result<std::string>> FetchAuthority(World& world, std::string server,
                                         std::string expected_hash) {
  http::CurlClient::Options options;
  options.base_url = server;
  options.tls.insecure = true;  // the answer is checked against the token's hash
  http::CurlClient transport(world.loop, std::move(options));
  http::Request request;
  request.target = "/cacerts";
  CO_TRY(http::Response response, co_await transport.RoundTrip(std::move(request), false));
  if (response.status != 200) {
    co_return MakeError(Reason::kServiceUnavailable, "'" + server + "/cacerts' answered with " +
                                                         std::to_string(response.status));
  }
  CO_TRY(std::string hash, http::PublicKeyHash(response.body));
  if (hash != expected_hash) {
    co_return MakeError(Reason::kUnauthorized, "the CA of '" + server + "' has the hash " + hash +
                                                   ", the token names " + expected_hash);
  }
  co_return response.body;
}

// One certificate that a node asks for.
struct Wanted {
  std::string signer;
  std::vector<std::string> usages;
  http::CertificateRequest request;
};

// Creates the CSR and waits for its certificate.
Task<Result<http::CertifiedKey>> AskForCertificate(World& world, client::ApiClient& client,
                                                   Wanted wanted) {
  CO_TRY(std::string key, http::MakePrivateKey());
  CO_TRY(std::string csr, http::MakeSigningRequest(key, wanted.request));
  auto object = std::make_shared<certificates::CertificateSigningRequest>();
  object->mutable_metadata()->set_generatename("node-csr-");
  object->mutable_spec()->set_request(csr);
  object->mutable_spec()->set_signername(wanted.signer);
  for (const std::string& usage : wanted.usages) object->mutable_spec()->add_usages(usage);
  CO_TRY(client::MessagePtr created, co_await client.Create("", std::move(object)));
  const std::string name =
      static_cast<const certificates::CertificateSigningRequest&>(*created).metadata().name();
  const MonotonicTime deadline = world.loop.MonotonicNow() + kSigningTimeout;
  while (world.loop.MonotonicNow() < deadline) {
    CO_TRY(client::MessagePtr current,
           co_await client.Get(api::KindOf<certificates::CertificateSigningRequest>(), "", name));
    const auto& status =
        static_cast<const certificates::CertificateSigningRequest&>(*current).status();
    if (!status.certificate().empty()) {
      co_return http::CertifiedKey{.certificate_pem = status.certificate(), .key_pem = key};
    }
    for (const auto& condition : status.conditions()) {
      if (condition.type() == "Denied" || condition.type() == "Failed") {
        co_return MakeError(Reason::kForbidden,
                            "certificate request '" + name + "': " + condition.message());
      }
    }
    co_await SleepFor(world.loop, 50ms);
  }
  co_return MakeError(Reason::kTimeout,
                      "certificate request '" + name +
                          "' was not signed within 60 s: an address that the server does not see "
                          "this node come from waits for 'kubectl certificate approve'");
}

// A certificate of an earlier start that the CA still stands for, and that says what is wanted now.
Result<http::CertifiedKey> LoadValid(World& world, const std::string& base,
                                     const std::string& ca_pem,
                                     const http::CertificateRequest& wanted) {
  http::CertifiedKey pair;
  TRY(pair.certificate_pem, ReadFile(base + ".crt"));
  TRY(pair.key_pem, ReadFile(base + ".key"));
  TRY_STATUS(http::VerifyCertificate(pair.certificate_pem, ca_pem, world.clock.Now()));
  TRY(http::ParsedCertificate parsed, http::ParseCertificate(pair.certificate_pem));
  if (StillServes(parsed, wanted, world.clock.Now())) return pair;
  return MakeError(Reason::kNotFound, "certificate '" + base + ".crt' is for another node, or old");
}

Status Save(const std::string& base, const http::CertifiedKey& pair) {
  TRY_STATUS(WriteFile(base + ".key", pair.key_pem));
  return WriteFile(base + ".crt", pair.certificate_pem);
}

// A client with a bearer token or a certificate, whichever is given.
struct Connection {
  Connection(World& world, const std::string& server, const std::string& ca_pem,
             const std::string& token, const http::CertifiedKey& identity)
      : transport(world.loop, {.base_url = server,
                               .tls = {.ca_pem = ca_pem,
                                       .certificate_pem = identity.certificate_pem,
                                       .key_pem = identity.key_pem},
                               .bearer_token = token}),
        client(world.loop, transport, {}) {}
  http::CurlClient transport;
  client::ApiClient client;
};

}  // namespace

Task<Result<Membership>> Join(World& world, JoinRequest request) {
  CO_TRY(JoinToken token, ParseJoinToken(request.token));
  const std::string directory = request.data_dir + "/agent";
  CO_TRY_STATUS(MakePrivateDirectory(directory));
  Membership membership;
  CO_TRY(membership.ca_pem, co_await FetchAuthority(world, request.server, token.ca_hash));

  const std::string user = "system:node:" + request.node_name;
  const std::vector<std::string> groups = {"system:nodes"};
  Wanted as_client{
      .signer = "kubernetes.io/kube-apiserver-client-kubelet",
      .usages = {"digital signature", "client auth"},
      .request = {.subject = {.common_name = user, .organizations = groups}, .client = true}};
  auto identity = LoadValid(world, directory + "/client", membership.ca_pem, as_client.request);
  if (!identity.ok()) {
    Connection bootstrap(world, request.server, membership.ca_pem, token.bootstrap.Text(), {});
    identity = co_await AskForCertificate(world, bootstrap.client, std::move(as_client));
    if (!identity.ok()) co_return std::move(identity).error().Wrap("get a client certificate");
    CO_TRY_STATUS(Save(directory + "/client", *identity));
  }
  Wanted as_server{.signer = "kubernetes.io/kubelet-serving",
                   .usages = {"digital signature", "server auth"},
                   .request = {.subject = {.common_name = user, .organizations = groups},
                               .dns_names = {request.node_name},
                               .ip_addresses = {request.node_ip},
                               .server = true}};
  auto serving = LoadValid(world, directory + "/serving", membership.ca_pem, as_server.request);
  if (!serving.ok()) {
    Connection node(world, request.server, membership.ca_pem, "", *identity);
    serving = co_await AskForCertificate(world, node.client, std::move(as_server));
    if (!serving.ok()) co_return std::move(serving).error().Wrap("get a serving certificate");
    CO_TRY_STATUS(Save(directory + "/serving", *serving));
  }
  membership.serving = std::move(*serving);

  client::Kubeconfig kubeconfig;
  kubeconfig.server = request.server;
  kubeconfig.tls.ca_pem = membership.ca_pem;
  kubeconfig.tls.certificate_pem = identity->certificate_pem;
  kubeconfig.tls.key_pem = identity->key_pem;
  membership.kubeconfig_path = directory + "/node.kubeconfig";
  CO_TRY_STATUS(
      WriteFile(membership.kubeconfig_path, client::WriteKubeconfig(kubeconfig, "wherry", user)));
  co_return membership;
}

}  // namespace wherry::cli
