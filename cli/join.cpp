#include "cli/join.h"

#include "cli/certificate_request.h"
#include "cli/files.h"
#include "cli/keys/join_token.h"
#include "cli/keys/stored_certificate.h"
#include "lib/client/api_client.h"
#include "lib/client/kubeconfig.h"
#include "lib/http/curl_client.h"
#include "lib/http/tls_context.h"

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
  // The key that belongs to it is there, too.
  auto usable = http::MakeServerContext(
      {.certificate_pem = pair.certificate_pem, .key_pem = pair.key_pem, .client_ca_pem = ""});
  if (!usable.ok()) return std::move(usable).error();
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
  kubeconfig.server = request.cluster.server;
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

std::string Directory(const std::string& data_dir) { return data_dir + "/agent"; }
std::string KubeconfigPath(const std::string& data_dir) {
  return Directory(data_dir) + "/node.kubeconfig";
}

Task<Result<http::CertifiedKey>> AskForIdentity(World& world, const JoinRequest& request,
                                                const std::string& ca_pem) {
  if (request.token.empty()) {
    co_return MakeError(Reason::kUnauthorized,
                        "the certificate of an earlier start is not good any more: give --token "
                        "(`wherry token create` on the server makes one)");
  }
  CO_TRY(const JoinToken token, ParseJoinToken(request.token));
  Connection bootstrap(world, request.cluster.server, ca_pem, token.bootstrap.Text(), {});
  auto asking =
      AskForCertificate(world, bootstrap.client, NodeClientCertificate(request.node_name));
  auto identity = co_await std::move(asking);
  if (identity.ok()) co_return identity;
  const bool expired = identity.error().reason == Reason::kUnauthorized;
  co_return std::move(identity).error().Wrap(
      expired ? "get a client certificate (the token may have expired: `wherry token create` on "
                "the server makes another)"
              : "get a client certificate");
}

}  // namespace

Result<Cluster> FindCluster(const std::string& data_dir, const std::string& server,
                            const std::string& token) {
  Cluster cluster{.server = server, .ca_pem = ""};
  const std::string path = KubeconfigPath(data_dir);
  if (!FileExists(path)) {
    if (!server.empty() && !token.empty()) return cluster;
    return MakeError(Reason::kBadRequest, "no node has joined with the data directory '" +
                                              data_dir + "' yet: give --server and --token (" +
                                              "`wherry token create` on the server prints both)");
  }
  TRY(const client::Kubeconfig joined, client::LoadKubeconfig(path));
  if (server.empty()) cluster.server = joined.server;
  if (!token.empty()) {
    TRY(const JoinToken parsed, ParseJoinToken(token));
    TRY(const std::string known_hash, http::PublicKeyHash(joined.tls.ca_pem));
    if (parsed.ca_hash != known_hash) return cluster;
  }
  cluster.ca_pem = joined.tls.ca_pem;
  return cluster;
}

Task<Result<Membership>> Join(World& world, JoinRequest request) {
  const std::string directory = Directory(request.data_dir);
  CO_TRY_STATUS(MakePrivateDirectory(directory));
  Membership membership;
  membership.ca_pem = request.cluster.ca_pem;
  if (membership.ca_pem.empty()) {
    CO_TRY(const JoinToken token, ParseJoinToken(request.token));
    auto fetching = FetchAuthority(world, request.cluster.server, token.ca_hash);
    CO_TRY(membership.ca_pem, co_await std::move(fetching));
  }

  auto identity = LoadValid(world, directory + "/client", membership.ca_pem,
                            NodeClientCertificate(request.node_name).request);
  if (!identity.ok()) {
    auto asking = AskForIdentity(world, request, membership.ca_pem);
    identity = co_await std::move(asking);
    if (!identity.ok()) co_return std::move(identity).error();
    CO_TRY_STATUS(Save(directory + "/client", *identity));
  }
  WantedCertificate as_server = NodeServingCertificate(request.node_name, request.node_ip);
  auto serving = LoadValid(world, directory + "/serving", membership.ca_pem, as_server.request);
  if (!serving.ok()) {
    Connection node(world, request.cluster.server, membership.ca_pem, "", *identity);
    serving = co_await AskForCertificate(world, node.client, std::move(as_server));
    if (!serving.ok()) co_return std::move(serving).error().Wrap("get a serving certificate");
    CO_TRY_STATUS(Save(directory + "/serving", *serving));
  }
  membership.serving = std::move(*serving);
  membership.identity = std::move(*identity);
  membership.kubeconfig_path = KubeconfigPath(request.data_dir);
  CO_TRY_STATUS(WriteNodeKubeconfig(request, membership));
  co_return membership;
}

Task<Result<http::TlsClientConfig>> RenewIdentity(World& world, client::ApiClient& client,
                                                  JoinRequest request, Membership membership) {
  auto asking = AskForCertificate(world, client, NodeClientCertificate(request.node_name));
  CO_TRY(membership.identity, co_await std::move(asking));
  CO_TRY_STATUS(Save(Directory(request.data_dir) + "/client", membership.identity));
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
  CO_TRY_STATUS(Save(Directory(request.data_dir) + "/serving", serving));
  co_return serving;
}

}  // namespace wherry::cli
