#include "cli/join.h"

#include "cli/certificate_request.h"
#include "cli/files.h"
#include "cli/keys/join_token.h"
#include "cli/keys/stored_certificate.h"
#include "lib/client/api_client.h"
#include "lib/client/kubeconfig.h"
#include "lib/http/curl_client.h"

#include <memory>

namespace wherry::cli {
namespace {

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

// A certificate of an earlier start that the CA still stands for, and that says what is wanted now.
// One that is about to end is good for asking for the next one, when the token has long expired.
Result<http::CertifiedKey> LoadValid(World& world, const std::string& base,
                                     const std::string& ca_pem,
                                     const http::CertificateRequest& wanted) {
  http::CertifiedKey pair;
  TRY(pair.certificate_pem, ReadFile(base + ".crt"));
  TRY(pair.key_pem, ReadFile(base + ".key"));
  TRY_STATUS(http::VerifyCertificate(pair.certificate_pem, ca_pem, world.clock.Now()));
  TRY(http::ParsedCertificate parsed, http::ParseCertificate(pair.certificate_pem));
  if (Says(parsed, wanted)) return pair;
  return MakeError(Reason::kNotFound, "certificate '" + base + ".crt' is for another node");
}

Status Save(const std::string& base, const http::CertifiedKey& pair) {
  TRY_STATUS(WriteFile(base + ".key", pair.key_pem));
  return WriteFile(base + ".crt", pair.certificate_pem);
}

Status WriteNodeKubeconfig(const JoinRequest& request, const Membership& membership) {
  client::Kubeconfig kubeconfig;
  kubeconfig.server = request.server;
  kubeconfig.tls.ca_pem = membership.ca_pem;
  kubeconfig.tls.certificate_pem = membership.identity.certificate_pem;
  kubeconfig.tls.key_pem = membership.identity.key_pem;
  return WriteFile(
      membership.kubeconfig_path,
      client::WriteKubeconfig(kubeconfig, "wherry", "system:node:" + request.node_name));
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

  WantedCertificate as_client = NodeClientCertificate(request.node_name);
  auto identity = LoadValid(world, directory + "/client", membership.ca_pem, as_client.request);
  if (!identity.ok()) {
    Connection bootstrap(world, request.server, membership.ca_pem, token.bootstrap.Text(), {});
    identity = co_await AskForCertificate(world, bootstrap.client, std::move(as_client));
    if (!identity.ok()) {
      const bool expired = identity.error().reason == Reason::kUnauthorized;
      co_return std::move(identity).error().Wrap(
          expired
              ? "get a client certificate (the token may have expired: `wherry token create` on "
                "the server makes another)"
              : "get a client certificate");
    }
    CO_TRY_STATUS(Save(directory + "/client", *identity));
  }
  WantedCertificate as_server = NodeServingCertificate(request.node_name, request.node_ip);
  auto serving = LoadValid(world, directory + "/serving", membership.ca_pem, as_server.request);
  if (!serving.ok()) {
    Connection node(world, request.server, membership.ca_pem, "", *identity);
    serving = co_await AskForCertificate(world, node.client, std::move(as_server));
    if (!serving.ok()) co_return std::move(serving).error().Wrap("get a serving certificate");
    CO_TRY_STATUS(Save(directory + "/serving", *serving));
  }
  membership.serving = std::move(*serving);
  membership.identity = std::move(*identity);
  membership.kubeconfig_path = directory + "/node.kubeconfig";
  CO_TRY_STATUS(WriteNodeKubeconfig(request, membership));
  co_return membership;
}

Task<Result<http::TlsClientConfig>> RenewIdentity(World& world, client::ApiClient& client,
                                                  JoinRequest request, Membership membership) {
  auto asking = AskForCertificate(world, client, NodeClientCertificate(request.node_name));
  CO_TRY(membership.identity, co_await std::move(asking));
  CO_TRY_STATUS(Save(request.data_dir + "/agent/client", membership.identity));
  CO_TRY_STATUS(WriteNodeKubeconfig(request, membership));
  co_return http::TlsClientConfig{.ca_pem = membership.ca_pem,
                                  .certificate_pem = membership.identity.certificate_pem,
                                  .key_pem = membership.identity.key_pem};
}

Task<Result<http::CertifiedKey>> RenewServing(World& world, client::ApiClient& client,
                                              JoinRequest request) {
  auto asking =
      AskForCertificate(world, client, NodeServingCertificate(request.node_name, request.node_ip));
  CO_TRY(http::CertifiedKey serving, co_await std::move(asking));
  CO_TRY_STATUS(Save(request.data_dir + "/agent/serving", serving));
  co_return serving;
}

}  // namespace wherry::cli
