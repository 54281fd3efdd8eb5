#include "cli/certificate_request.h"

#include "lib/api/kind_registry.h"
#include "lib/loop/sync.h"
#include "proto/api/certificates/v1.pb.h"

#include <chrono>
#include <memory>

namespace wherry::cli {
namespace {

namespace certificates = api::certificates::v1;
using namespace std::chrono_literals;

constexpr std::chrono::seconds kSigningTimeout = 60s;

http::CertificateSubject NodeSubject(const std::string& node_name) {
  return {.common_name = "system:node:" + node_name, .organizations = {"system:nodes"}};
}

}  // namespace

WantedCertificate NodeClientCertificate(const std::string& node_name) {
  return {.signer = "kubernetes.io/kube-apiserver-client-kubelet",
          .usages = {"digital signature", "client auth"},
          .request = {.subject = NodeSubject(node_name), .client = true}};
}

WantedCertificate NodeServingCertificate(const std::string& node_name, const std::string& node_ip) {
  return {.signer = "kubernetes.io/kubelet-serving",
          .usages = {"digital signature", "server auth"},
          .request = {.subject = NodeSubject(node_name),
                      .dns_names = {node_name},
                      .ip_addresses = {node_ip},
                      .server = true}};
}

Task<Result<http::CertifiedKey>> AskForCertificate(World& world, client::ApiClient& client,
                                                   WantedCertificate wanted) {
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

}  // namespace wherry::cli
