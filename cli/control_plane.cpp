#include "cli/control_plane.h"

#include "apiserver/app.h"
#include "apiserver/storage/sqlite/sqlite_store.h"
#include "cli/files.h"
#include "cli/join_tokens.h"
#include "cli/keys/file_batch.h"
#include "cli/keys/pki.h"
#include "cli/keys/renewal.h"
#include "cli/local_address.h"
#include "cli/process.h"
#include "controllers/manager/app.h"
#include "lib/http/in_process.h"
#include "lib/http/server.h"
#include "lib/linux/netlink.h"
#include "lib/loop/blocking.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "scheduler/app.h"

#include <cstdio>
#include <map>
#include <optional>
#include <vector>

namespace wherry::cli {
namespace {

using namespace std::chrono_literals;

// Answers /cacerts to everybody, so that a joining node can fetch the CA it then checks against its
// token's hash; the rest goes to the API server.
class WithCaBundle : public http::Handler {
 public:
  WithCaBundle(http::Handler& next, std::string ca_pem) : next_(next), ca_pem_(std::move(ca_pem)) {}
  Task<http::Response> Handle(http::Request request) override {
    if (request.path() != "/cacerts") return next_.Handle(std::move(request));
    return Bundle(ca_pem_);
  }
  std::optional<http::Response> Refuse(http::Request& request) override {
    return next_.Refuse(request);
  }

 private:
  static Task<http::Response> Bundle(std::string pem) {
    http::Response response;
    response.headers.Set("Content-Type", "application/x-pem-file");
    response.body = std::move(pem);
    co_return response;
  }
  http::Handler& next_;
  std::string ca_pem_;
};

// The first address of the service network, which the service `kubernetes` has: "10.96.0.1" of
// "10.96.0.0/16". Errors: kBadRequest for text that is no IPv4 network.
Result<std::string> FirstServiceIp(const std::string& cidr) {
  auto prefix = linux::ParseIpv4Prefix(cidr);
  if (!prefix.ok()) return std::move(prefix).error().Wrap("--service-cidr");
  linux::Ipv4 first = prefix->Network().address;
  ++first.bytes.back();  // zero before: no service network is smaller than a /30
  return first.ToString();
}

std::string AdvertiseAddress(const ServerOptions& options) {
  if (!options.advertise_address.empty()) return options.advertise_address;
  return options.bind_address == "0.0.0.0" ? FirstAddress() : options.bind_address;
}

struct InProcessClient {
  InProcessClient(Loop& loop, http::Handler& handler, http::UserInfo user)
      : transport(handler),
        client(loop, transport, {.in_process = true, .user = std::move(user)}) {}
  http::InProcessRoundTripper transport;
  client::ApiClient client;
};

}  // namespace

struct ControlPlane::Impl {
  World& world;
  ProcessOptions process;
  ServerOptions options;
  Parts parts;
  std::string address = {};
  std::string url = {};
  Pki pki = {};
  std::vector<std::string> names = {};  // of the server, in its certificate
  std::vector<std::string> addresses = {};
  OneShot<Status> files_written{world.loop};

  // In the order of their making; destroyed the other way round.
  std::unique_ptr<apiserver::storage::SqliteStore> store = nullptr;
  std::unique_ptr<apiserver::App> api = nullptr;
  std::unique_ptr<WithCaBundle> handler = nullptr;
  std::map<std::string, std::unique_ptr<InProcessClient>> clients = {};
  std::unique_ptr<http::Server> server = nullptr;
  std::unique_ptr<controllers::App> controllers = nullptr;
  std::unique_ptr<scheduler::App> scheduler = nullptr;
  TaskScope tasks{world.loop};

  Status Prepare() {
    TRY_STATUS(MakePrivateDirectory(process.data_dir));
    address = AdvertiseAddress(options);
    url = "https://" + address + ":" + std::to_string(options.https_port);
    names = {"kubernetes",
             "kubernetes.default",
             "kubernetes.default.svc",
             "kubernetes.default.svc.cluster.local",
             "localhost",
             HostName()};
    TRY(const std::string first_service_ip, FirstServiceIp(options.service_cidr));
    addresses = {address, "127.0.0.1", first_service_ip};
    FileBatch files;
    TRY(pki, LoadOrCreatePki(world, process.data_dir, names, addresses, files));
    TRY_STATUS(AddKubeconfigs(files));
    // The store is locked first: a second process must not write the files of the one that runs.
    apiserver::storage::SqliteStore::Options store_options;
    store_options.path = process.data_dir + "/state.db";
    TRY(store, apiserver::storage::SqliteStore::Open(world, store_options));
    // The disk syncs the files meanwhile. A key must not sign before it is durable: Start waits for
    // them before anybody can connect.
    world.blocking.Submit([files = std::move(files), done = files_written, &loop = world.loop] {
      auto written = std::make_shared<Status>(files.Commit());
      loop.PostFromAnyThread([done, written] { done.Set(std::move(*written)); });
    });
    return MakeApi();
  }

  Status AddKubeconfigs(FileBatch& files) {
    struct Row {
      const char* file;
      const char* user;
      std::vector<std::string> groups;
    };
    const std::vector<Row> rows = {
        {"admin.kubeconfig", "kubernetes-admin", {"system:masters"}},
        {"controller-manager.kubeconfig", "system:kube-controller-manager", {}},
        {"scheduler.kubeconfig", "system:kube-scheduler", {}},
        {"proxy.kubeconfig", "system:kube-proxy", {}},
    };
    for (const Row& row : rows) {
      TRY_STATUS(AddClientKubeconfig(world, pki, process.data_dir + "/" + row.file, url, row.user,
                                     row.groups, files));
    }
    return Ok();
  }

  // What this server shows to the nodes.
  Result<http::CertifiedKey> IssueNodeClient() {
    const http::CertificateRequest node_client{
        .subject = {.common_name = "kube-apiserver-kubelet-client",
                    .organizations = {"system:masters"}},
        .client = true};
    return http::IssueCertificate(pki.ca, node_client, world.clock.Now());
  }

  Status MakeApi() {
    apiserver::App::Options api_options;
    api_options.tokens[pki.admin_token] = {.name = "kubernetes-admin",
                                           .groups = {"system:masters"}};
    api_options.service_cidr = options.service_cidr;
    api_options.advertise_address = address;
    api_options.advertise_port = options.https_port;
    api_options.ca = pki.ca;
    api_options.machine_names = {HostName()};
    api_options.service_account_key_pem = pki.service_account_key_pem;
    TRY(http::CertifiedKey to_nodes, IssueNodeClient());
    api_options.nodes.ca_pem = pki.ca.certificate_pem;
    api_options.nodes.certificate_pem = to_nodes.certificate_pem;
    api_options.nodes.key_pem = to_nodes.key_pem;
    api = std::make_unique<apiserver::App>(world, *store, std::move(api_options));
    handler = std::make_unique<WithCaBundle>(api->handler(), pki.ca.certificate_pem);
    return Ok();
  }

  Status Listen() {
    http::ServerOptions server_options;
    server_options.format_error = apiserver::FormatServerError;
    server = std::make_unique<http::Server>(world.loop, *handler, server_options);
    TRY(uint16_t port, server->Listen(options.bind_address, options.https_port, Tls()));
    CHECK(port == options.https_port || options.https_port == 0);
    return Ok();
  }

  http::TlsServerConfig Tls() const {
    return {.certificate_pem = pki.serving.certificate_pem,
            .key_pem = pki.serving.key_pem,
            .client_ca_pem = pki.ca.certificate_pem};
  }

  // Everything that a start would renew, into use at once: the server's certificate, that towards
  // the nodes, and the kubeconfigs.
  Task<Result<std::string>> Renew() {
    FileBatch files;
    CO_TRY(http::CertifiedKey serving,
           RenewServing(world, pki.ca, process.data_dir, names, addresses, files));
    CO_TRY_STATUS(AddKubeconfigs(files));
    CO_TRY(http::CertifiedKey to_nodes, IssueNodeClient());
    auto writing = world.blocking.Run(world.loop, [files] { return files.Commit(); });
    CO_TRY_STATUS(co_await std::move(writing));
    pki.serving = std::move(serving);
    CO_TRY_STATUS(server->SetTls(Tls()));
    api->nodes().SetClientCertificate(to_nodes.certificate_pem, to_nodes.key_pem);
    co_return pki.serving.certificate_pem;
  }

  client::ApiClient& ClientOf(const std::string& user, const std::vector<std::string>& groups) {
    auto& made = clients[user];
    if (made == nullptr) {
      made = std::make_unique<InProcessClient>(world.loop, *handler,
                                               http::UserInfo{.name = user, .groups = groups});
    }
    return made->client;
  }

  Status StartParts() {
    if (parts.controllers) {
      controllers::App::Options manager;
      manager.root_ca_pem = pki.ca.certificate_pem;
      manager.service_account_key_pem = pki.service_account_key_pem;
      manager.cluster_cidr = options.pod_cidr;
      controllers = std::make_unique<controllers::App>(
          world, ClientOf("system:kube-controller-manager", {}), manager);
      TRY_STATUS(controllers->Start());
    }
    if (parts.scheduler) {
      scheduler = std::make_unique<scheduler::App>(world, ClientOf("system:kube-scheduler", {}),
                                                   scheduler::Options{});
      scheduler->Start();
    }
    return Ok();
  }
};

ControlPlane::ControlPlane(World& world, ProcessOptions process, ServerOptions server, Parts parts)
    : impl_(new Impl{.world = world,
                     .process = std::move(process),
                     .options = std::move(server),
                     .parts = parts}) {}
ControlPlane::~ControlPlane() = default;

Task<Status> ControlPlane::Start() {
  CO_TRY_STATUS(impl_->Prepare());
  auto writing = impl_->files_written.Wait();
  CO_TRY_STATUS(co_await std::move(writing));
  CO_TRY_STATUS(impl_->Listen());
  CO_TRY_STATUS(co_await impl_->api->Start());
  CO_TRY_STATUS(impl_->StartParts());
  impl_->tasks.Spawn("renew certificates",
                     KeepRenewed(impl_->world, "server", impl_->pki.serving.certificate_pem,
                                 [impl = impl_.get()] { return impl->Renew(); }));
  std::printf("ready in %lld ms: %s\n", static_cast<long long>(MillisecondsSinceStart()),
              impl_->url.c_str());
  std::fflush(stdout);
  co_return Ok();
}

Task<void> ControlPlane::Drain() {
  impl_->tasks.Cancel();
  if (impl_->server != nullptr) co_await impl_->server->Drain(2s);
  impl_->server.reset();
}

Task<void> ControlPlane::Stop() {
  impl_->scheduler.reset();
  impl_->controllers.reset();
  co_await Drain();
  impl_->clients.clear();
  impl_->handler.reset();
  impl_->api.reset();
  impl_->store.reset();
}

apiserver::App& ControlPlane::api() { return *impl_->api; }
client::ApiClient& ControlPlane::Client(const std::string& user,
                                        const std::vector<std::string>& groups) {
  return impl_->ClientOf(user, groups);
}
const std::string& ControlPlane::url() const { return impl_->url; }
Task<Result<std::string>> ControlPlane::MakeJoinCommand() {
  auto getting = ServersJoinToken(impl_->world, Client("kubernetes-admin", {"system:masters"}));
  CO_TRY(const api::BootstrapToken token, co_await std::move(getting));
  co_return JoinCommand(impl_->url, impl_->pki.ca.certificate_pem, token);
}
const std::string& ControlPlane::ca_pem() const { return impl_->pki.ca.certificate_pem; }

Result<http::CertifiedKey> ControlPlane::IssueNodeServing(const std::string& node_name,
                                                          const std::string& address) {
  const http::CertificateRequest request{
      .subject = {.common_name = "system:node:" + node_name, .organizations = {"system:nodes"}},
      .dns_names = {node_name},
      .ip_addresses = {address, "127.0.0.1"},
      .server = true};
  return http::IssueCertificate(impl_->pki.ca, request, impl_->world.clock.Now());
}

}  // namespace wherry::cli
