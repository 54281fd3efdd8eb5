#include "apiserver/signer/csr_signer.h"

#include "apiserver/request/peer.h"
#include "lib/http/certificates.h"
#include "proto/api/certificates/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <gtest/gtest.h>

namespace wherry::apiserver::signer {
namespace {

using Csr = api::certificates::v1::CertificateSigningRequest;
using Strings = std::vector<std::string>;

constexpr const char* kServing = "kubernetes.io/kubelet-serving";
constexpr const char* kApiClient = "kubernetes.io/kube-apiserver-client";
constexpr const char* kClient = "kubernetes.io/kube-apiserver-client-kubelet";

ServerNames Server() {
  return {.dns_names = {"master"}, .ip_addresses = {"10.0.0.1"}, .service_address = "10.96.0.1"};
}

struct Ask {
  std::string signer = kServing;
  std::string node = "n1";
  Strings dns_names = {"n1"};
  Strings ip_addresses = {"10.0.0.7"};
  std::string peer = "10.0.0.7";
  std::string user = "system:node:n1";
  Strings groups = {"system:nodes"};
  bool approved = false;
  Strings usages = {};           // {}: those of the signer
  std::string common_name = "";  // "": system:node:NODE
  Strings organizations = {"system:nodes"};
};

Csr Make(const Ask& ask) {
  static const std::string key = http::MakePrivateKey().value();
  http::CertificateRequest request;
  request.subject = {
      .common_name = ask.common_name.empty() ? "system:node:" + ask.node : ask.common_name,
      .organizations = ask.organizations};
  request.dns_names = ask.dns_names;
  request.ip_addresses = ask.ip_addresses;
  Csr csr;
  csr.mutable_spec()->set_signername(ask.signer);
  csr.mutable_spec()->set_request(http::MakeSigningRequest(key, request).value());
  csr.mutable_spec()->set_username(ask.user);
  Strings usages = ask.usages;
  if (usages.empty()) {
    usages = {"digital signature", ask.signer == kServing ? "server auth" : "client auth"};
  }
  for (const std::string& usage : usages) csr.mutable_spec()->add_usages(usage);
  for (const std::string& group : ask.groups) csr.mutable_spec()->add_groups(group);
  if (!ask.peer.empty()) {
    (*csr.mutable_spec()->mutable_extra())[std::string(kPeerAddressExtra)].add_items(ask.peer);
  }
  if (ask.approved) csr.mutable_status()->add_conditions()->set_type("Approved");
  return csr;
}

// "signed", "left alone", or why it is denied.
std::string Outcome(const Ask& ask) {
  auto judged = Judge(Make(ask), Server());
  if (!judged.ok()) return judged.error().message;
  return judged->has_value() ? "signed" : "left alone";
}

// A node gets a serving certificate for its own name and the address it asks from.
TEST(JudgeTest, ANodesOwnNames) {
  EXPECT_EQ(Outcome({}), "signed");
  EXPECT_EQ(Outcome({.user = "system:node:n2"}), "left alone");
  EXPECT_EQ(Outcome({.groups = {"system:authenticated"}}), "left alone");
  EXPECT_EQ(Outcome({.user = "admin", .groups = {}, .approved = true}), "signed");
}

// An address that nothing proves waits for a person.
TEST(JudgeTest, OtherAddressesWait) {
  EXPECT_EQ(Outcome({.ip_addresses = {"10.0.0.8"}}), "left alone");
  EXPECT_EQ(Outcome({.peer = ""}), "left alone");
  EXPECT_EQ(Outcome({.ip_addresses = {"10.0.0.8"}, .approved = true}), "signed");
}

// Nobody gets a certificate with which to play the API server, whoever approved it.
TEST(JudgeTest, TheServersNamesAreDenied) {
  EXPECT_EQ(Outcome({.dns_names = {"n1", "kubernetes.default"}}),
            "the DNS name 'kubernetes.default' is not the node's name");
  EXPECT_EQ(Outcome({.node = "kubernetes.default.svc",
                     .dns_names = {"kubernetes.default.svc"},
                     .user = "system:node:kubernetes.default.svc"}),
            "the DNS name 'kubernetes.default.svc' is the API server's");
  EXPECT_EQ(Outcome({.node = "master", .dns_names = {"master"}, .user = "system:node:master"}),
            "the DNS name 'master' is the API server's");
  for (const char* address : {"10.0.0.1", "10.96.0.1", "127.0.0.1"}) {
    EXPECT_EQ(Outcome({.ip_addresses = {"10.0.0.7", address}, .approved = true}),
              "the address " + std::string(address) + " is the API server's");
  }
}

// An agent beside the server shares its machine's name and address.
TEST(JudgeTest, TheServersMachineIsANodeToo) {
  for (const char* peer : {"127.0.0.1", "10.0.0.1"}) {
    EXPECT_EQ(Outcome({.node = "master",
                       .dns_names = {"master"},
                       .ip_addresses = {"10.0.0.1"},
                       .peer = peer,
                       .user = "system:node:master"}),
              "signed");
  }
  EXPECT_EQ(Outcome({.ip_addresses = {"10.96.0.1"}, .peer = "10.0.0.1"}),
            "the address 10.96.0.1 is the API server's");
}

// Client certificates: by bootstrap token or renewed by the node, with no names beside the subject.
TEST(JudgeTest, ClientCertificates) {
  Ask renewed{.signer = kClient, .dns_names = {}, .ip_addresses = {}};
  EXPECT_EQ(Outcome(renewed), "signed");
  Ask joining = renewed;
  joining.user = "system:bootstrap:abcdef";
  joining.groups = {"system:bootstrappers"};
  EXPECT_EQ(Outcome(joining), "signed");
  Ask stranger = renewed;
  stranger.user = "system:node:n2";
  EXPECT_EQ(Outcome(stranger), "left alone");
  Ask named = renewed;
  named.dns_names = {"n1"};
  EXPECT_EQ(Outcome(named), "a client certificate has no subject alternative names");
  EXPECT_EQ(Outcome({.signer = "example.com/other"}), "left alone");
}

// A node's certificate is for what its signer is there for.
TEST(JudgeTest, UsagesOfNodes) {
  EXPECT_EQ(Outcome({.usages = {"server auth", "key encipherment", "digital signature"}}),
            "signed");
  EXPECT_EQ(Outcome({.usages = {"digital signature", "client auth"}}),
            "usages did not match [server auth digital signature key encipherment]");
  EXPECT_EQ(
      Outcome({.approved = true, .usages = {"digital signature", "server auth", "cert sign"}}),
      "usages did not match [server auth digital signature key encipherment]");
  Ask client{.signer = kClient, .dns_names = {}, .ip_addresses = {}};
  client.usages = {"key encipherment", "digital signature", "client auth"};
  EXPECT_EQ(Outcome(client), "signed");
  client.usages = {"client auth"};
  EXPECT_EQ(Outcome(client),
            "usages did not match [client auth digital signature key encipherment]");
}

// Other clients of the API: a person approves whom they like, but no second administrator.
TEST(JudgeTest, ApiClients) {
  Ask jane{.signer = kApiClient, .dns_names = {}, .ip_addresses = {}, .user = "admin"};
  jane.common_name = "jane";
  jane.organizations = {"dev"};
  EXPECT_EQ(Outcome(jane), "left alone");
  jane.approved = true;
  EXPECT_EQ(Outcome(jane), "signed");
  const auto grant = Judge(Make(jane), Server());
  EXPECT_EQ((*grant)->subject.common_name, "jane");
  EXPECT_EQ((*grant)->subject.organizations, Strings{"dev"});
  EXPECT_TRUE((*grant)->client);
  EXPECT_FALSE((*grant)->server);
  jane.usages = {"digital signature"};
  EXPECT_EQ(Outcome(jane), "missing required usage for client certificate: client auth");
  jane.usages = {"client auth", "server auth"};
  EXPECT_EQ(Outcome(jane), "invalid usage for client certificate: server auth");
  jane.usages = {};
  jane.organizations = {"dev", "system:masters"};
  EXPECT_EQ(Outcome(jane), "the group system:masters is not given away");
}

TEST(PeerHostTest, AddressesOfPeers) {
  EXPECT_EQ(PeerHost("10.0.0.7:51234"), "10.0.0.7");
  EXPECT_EQ(PeerHost("[fd00::7]:51234"), "fd00::7");
  EXPECT_EQ(PeerHost("[::ffff:10.0.0.7]:51234"), "10.0.0.7");
  EXPECT_EQ(PeerHost(""), "");
}

}  // namespace
}  // namespace wherry::apiserver::signer
