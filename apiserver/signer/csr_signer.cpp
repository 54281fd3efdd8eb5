#include "apiserver/signer/csr_signer.h"

#include "apiserver/registry/object_stream.h"
#include "apiserver/request/peer.h"
#include "lib/api/kind_registry.h"
#include "lib/api/time.h"
#include "lib/loop/world.h"
#include "lib/telemetry/log.h"
#include "proto/api/certificates/v1.pb.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>
#include <set>

namespace wherry::apiserver::signer {

using Csr = api::certificates::v1::CertificateSigningRequest;
using google::protobuf::Message;

namespace {

const telemetry::Logger kLog("csr-signer");
constexpr std::string_view kApiClientSigner = "kubernetes.io/kube-apiserver-client";
constexpr std::string_view kClientSigner = "kubernetes.io/kube-apiserver-client-kubelet";
constexpr std::string_view kServingSigner = "kubernetes.io/kubelet-serving";
constexpr std::string_view kClientAuth = "client auth";
constexpr std::string_view kServerAuth = "server auth";
constexpr std::string_view kDigitalSignature = "digital signature";
constexpr std::string_view kKeyEncipherment = "key encipherment";
constexpr std::string_view kNodePrefix = "system:node:";
constexpr std::chrono::hours kValidFor{24 * 365};
constexpr std::chrono::seconds kShortest{600};

// Changes what only a signer may: conditions and the certificate.
class SignerStrategy : public registry::UpdateStrategy {
 public:
  void PrepareForUpdate(const registry::Context&, Message&, const Message&) const override {}
};

bool HasCondition(const Csr& csr, std::string_view type) {
  return std::any_of(csr.status().conditions().begin(), csr.status().conditions().end(),
                     [&](const auto& condition) { return condition.type() == type; });
}

bool InGroup(const Csr& csr, std::string_view group) {
  return std::find(csr.spec().groups().begin(), csr.spec().groups().end(), group) !=
         csr.spec().groups().end();
}

void AddCondition(Csr& csr, const char* type, const char* reason, const std::string& message,
                  WallTime now) {
  auto* condition = csr.mutable_status()->add_conditions();
  condition->set_type(type);
  condition->set_status("True");
  condition->set_reason(reason);
  condition->set_message(message);
  api::SetTime(condition->mutable_lastupdatetime(), now);
  api::SetTime(condition->mutable_lasttransitiontime(), now);
}

Error Denied(std::string why) { return MakeError(Reason::kForbidden, std::move(why)); }

bool Contains(const std::vector<std::string>& list, std::string_view one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

std::string PeerOf(const Csr& csr) {
  auto found = csr.spec().extra().find(std::string(kPeerAddressExtra));
  if (found == csr.spec().extra().end() || found->second.items_size() == 0) return "";
  return found->second.items(0);
}

bool IsLoopback(std::string_view address) {
  return address.starts_with("127.") || address == "::1";
}

// What the server is called from everywhere, or on every machine.
bool IsServersName(const std::string& name) {
  return name == "localhost" || name == "kubernetes" || name == "kubernetes.default" ||
         name.starts_with("kubernetes.default.");
}

enum class Names { kOwn, kUnproven };

// Whether a serving certificate's names are the node's. Errors: kForbidden.
Result<Names> JudgeNames(const http::ParsedSigningRequest& parsed, const std::string& node,
                         const std::string& peer, const ServerNames& server) {
  bool on_this_machine = IsLoopback(peer) || Contains(server.ip_addresses, peer);
  for (const std::string& name : parsed.dns_names) {
    if (name != node) return Denied("the DNS name '" + name + "' is not the node's name");
    if (IsServersName(name) || (!on_this_machine && Contains(server.dns_names, name))) {
      return Denied("the DNS name '" + name + "' is the API server's");
    }
  }
  Names names = Names::kOwn;
  for (const std::string& address : parsed.ip_addresses) {
    bool servers = Contains(server.ip_addresses, address);
    if (IsLoopback(address) || address == server.service_address || (servers && !on_this_machine)) {
      return Denied("the address " + address + " is the API server's");
    }
    if (address != peer && !servers) names = Names::kUnproven;
  }
  return names;
}

std::chrono::seconds ValidFor(const Csr& csr) {
  if (!csr.spec().has_expirationseconds()) return kValidFor;
  std::chrono::seconds asked(csr.spec().expirationseconds());
  return std::clamp<std::chrono::seconds>(asked, kShortest, kValidFor);
}

// A node asks for exactly these uses; a key that encrypts is RSA's. Errors: kForbidden.
Status JudgeNodeUsages(const Csr& csr, std::string_view purpose) {
  std::set<std::string_view> usages(csr.spec().usages().begin(), csr.spec().usages().end());
  usages.erase(kKeyEncipherment);
  if (usages == std::set<std::string_view>{kDigitalSignature, purpose}) return Ok();
  return Denied("usages did not match [" + std::string(purpose) +
                " digital signature key encipherment]");
}

// A person approves these; anybody but system:masters may be named. Errors: kForbidden.
Result<std::optional<http::CertificateRequest>> JudgeApiClient(const Csr& csr) {
  if (!HasCondition(csr, "Approved")) return std::optional<http::CertificateRequest>();
  TRY(http::ParsedSigningRequest parsed, http::ParseSigningRequest(csr.spec().request()));
  if (Contains(parsed.subject.organizations, "system:masters")) {
    return Denied("the group system:masters is not given away");
  }
  bool client_auth = false;
  for (const std::string& usage : csr.spec().usages()) {
    if (usage == kClientAuth) {
      client_auth = true;
    } else if (usage != kDigitalSignature && usage != kKeyEncipherment) {
      return Denied("invalid usage for client certificate: " + usage);
    }
  }
  if (!client_auth) return Denied("missing required usage for client certificate: client auth");
  http::CertificateRequest grant;
  grant.subject = std::move(parsed.subject);
  grant.dns_names = std::move(parsed.dns_names);
  grant.ip_addresses = std::move(parsed.ip_addresses);
  grant.client = true;
  grant.valid_for = ValidFor(csr);
  return std::optional<http::CertificateRequest>(std::move(grant));
}

// The request with its condition and, when it is approved, its certificate; null to leave it.
Result<std::unique_ptr<Message>> Decided(const Csr& csr, const http::CertifiedKey& ca,
                                         const ServerNames& server, WallTime now) {
  if (!csr.status().certificate().empty() || HasCondition(csr, "Denied") ||
      HasCondition(csr, "Failed")) {
    return std::unique_ptr<Message>();
  }
  auto judged = Judge(csr, server);
  auto decided = std::make_unique<Csr>(csr);
  if (!judged.ok()) {
    // What a person approved cannot be denied any more: it fails.
    const bool approved = HasCondition(csr, "Approved");
    AddCondition(*decided, approved ? "Failed" : "Denied",
                 approved ? "SignerValidationFailure" : "AutoDenied", judged.error().message, now);
    return std::unique_ptr<Message>(std::move(decided));
  }
  if (!judged->has_value()) return std::unique_ptr<Message>();
  if (!HasCondition(csr, "Approved")) {
    AddCondition(*decided, "Approved", "AutoApproved",
                 "Auto approving kubelet certificate after checking its name and requester.", now);
  }
  auto certificate = http::SignSigningRequest(ca, csr.spec().request(), **judged, now);
  if (certificate.ok()) {
    decided->mutable_status()->set_certificate(*certificate);
  } else {
    AddCondition(*decided, "Failed", "SignerValidationFailure", certificate.error().message, now);
  }
  return std::unique_ptr<Message>(std::move(decided));
}

Task<void> Handle(registry::Store& store, const registry::Resource& resource,
                  const http::CertifiedKey& ca, const ServerNames& server,
                  storage::ObjectPtr object) {
  static const SignerStrategy strategy;
  auto message = object->message();
  if (!message.ok()) co_return;
  const auto& csr = registry::Typed<Csr>(**message);
  auto wanted = Decided(csr, ca, server, store.world().clock.Now());
  if (!wanted.ok() || *wanted == nullptr) co_return;
  registry::Caller caller;
  caller.user.name = "system:apiserver";
  caller.subresource = "approval";
  registry::UpdateRequest update;
  update.name = csr.metadata().name();
  update.strategy = &strategy;
  update.updater = [&store, &ca,
                    &server](const Message* current) -> Result<std::unique_ptr<Message>> {
    const auto& now = registry::Typed<Csr>(*current);
    TRY(std::unique_ptr<Message> decided, Decided(now, ca, server, store.world().clock.Now()));
    if (decided == nullptr) decided = std::make_unique<Csr>(now);
    return decided;
  };
  std::string name = update.name;
  auto updating = store.Update(resource, std::move(caller), std::move(update));
  auto updated = co_await std::move(updating);
  if (!updated.ok()) {
    kLog.Warn("certificate request left as it was",
              {{"name", name}, {"error", updated.error().message}});
    co_return;
  }
  kLog.Info("certificate request decided", {{"name", name}});
}

}  // namespace

Result<std::optional<http::CertificateRequest>> Judge(const Csr& csr, const ServerNames& server) {
  const std::string& signer = csr.spec().signername();
  if (signer == kApiClientSigner) return JudgeApiClient(csr);
  bool client = signer == kClientSigner;
  bool serving = signer == kServingSigner;
  if (!client && !serving) return std::optional<http::CertificateRequest>();
  TRY(http::ParsedSigningRequest parsed, http::ParseSigningRequest(csr.spec().request()));
  const std::string& name = parsed.subject.common_name;
  if (!name.starts_with(kNodePrefix) || name.size() == kNodePrefix.size()) {
    return Denied("the common name is not system:node:NAME");
  }
  if (parsed.subject.organizations != std::vector<std::string>{"system:nodes"}) {
    return Denied("the organization is not exactly system:nodes");
  }
  TRY_STATUS(JudgeNodeUsages(csr, client ? kClientAuth : kServerAuth));
  bool by_itself = csr.spec().username() == name && InGroup(csr, "system:nodes");
  bool by_bootstrap = InGroup(csr, "system:bootstrappers");
  bool approved = HasCondition(csr, "Approved");
  http::CertificateRequest grant;
  grant.subject = parsed.subject;
  grant.valid_for = ValidFor(csr);
  if (client) {
    if (!parsed.dns_names.empty() || !parsed.ip_addresses.empty()) {
      return Denied("a client certificate has no subject alternative names");
    }
    if (!by_itself && !by_bootstrap && !approved) return std::optional<http::CertificateRequest>();
    grant.client = true;
  } else {
    if (parsed.dns_names.empty() && parsed.ip_addresses.empty()) {
      return Denied("a serving certificate needs a DNS name or an IP address");
    }
    TRY(Names names, JudgeNames(parsed, name.substr(kNodePrefix.size()), PeerOf(csr), server));
    bool proven = by_itself && names == Names::kOwn;
    if (!proven && !approved) return std::optional<http::CertificateRequest>();
    grant.server = true;
    grant.dns_names = parsed.dns_names;
    grant.ip_addresses = parsed.ip_addresses;
  }
  return std::optional<http::CertificateRequest>(std::move(grant));
}

Task<void> SignCertificateRequests(registry::Store& store, http::CertifiedKey ca,
                                   ServerNames server) {
  const auto& resource = *store.resources().Find(api::KindOf<Csr>());
  registry::ObjectStream requests(store, resource);
  while (true) {
    auto waiting = requests.Next();
    const registry::ObjectStream::Batch batch = co_await std::move(waiting);
    for (const auto& item : batch.items) {
      if (item.type == storage::WatchType::kDeleted) continue;
      auto handling = Handle(store, resource, ca, server, item.object);
      co_await std::move(handling);
    }
  }
}

}  // namespace wherry::apiserver::signer
