#include "cli/commands.h"
#include "cli/join.h"
#include "cli/keys/renewal.h"
#include "cli/local_address.h"
#include "cli/node.h"
#include "cli/node_name.h"
#include "cli/options.h"
#include "cli/process.h"
#include "cli/remote.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>
#include <string>

namespace wherry::cli {
namespace {

struct Options {
  ProcessOptions process;
  NodeOptions node;
  std::string server;
  std::string token;
  std::string pod_cidr = "10.244.0.0/16";
  bool with_proxy = true;
};

class Agent {
 public:
  Agent(World& world, const Options& options) : world_(world), options_(options) {}

  Task<Status> Start() {
    const std::string& data_dir = options_.process.data_dir;
    CO_TRY(const Cluster cluster, FindCluster(data_dir, options_.server, options_.token));
    NodeOptions node = options_.node;
    if (node.node_ip.empty()) {
      CO_TRY(node.node_ip, AddressTowards(cluster.server));
    }
    CO_TRY(node, WithDefaults(data_dir, std::move(node)));
    request_ = {.cluster = cluster,
                .token = options_.token,
                .node_name = node.node_name,
                .node_ip = node.node_ip,
                .data_dir = data_dir};
    auto joined = co_await Join(world_, request_);
    if (!joined.ok()) co_return std::move(joined).error().Wrap("join '" + cluster.server + "'");
    membership_ = *joined;
    CO_TRY_STATUS(RememberNodeName(data_dir, node.node_name));  // the certificates are of that name
    CO_TRY(remote_, ConnectByKubeconfig(world_, joined->kubeconfig_path));
    Node::Setup setup{.process = options_.process,
                      .options = node,
                      .pod_cidr = options_.pod_cidr,
                      .cluster_ca_pem = joined->ca_pem,
                      .serving = joined->serving,
                      .with_proxy = options_.with_proxy};
    node_ = std::make_unique<Node>(world_, *remote_.client, std::move(setup));
    CO_TRY_STATUS(co_await node_->Start());
    tasks_.Spawn("renew identity",
                 KeepRenewed(world_, "client", membership_.identity.certificate_pem,
                             [this] { return RenewClient(); }));
    tasks_.Spawn("renew serving certificate",
                 KeepRenewed(world_, "serving", membership_.serving.certificate_pem,
                             [this] { return RenewServer(); }));
    std::printf("ready in %lld ms: node %s\n", static_cast<long long>(MillisecondsSinceStart()),
                node.node_name.c_str());
    std::fflush(stdout);
    co_return Ok();
  }

  Task<void> Stop() {
    tasks_.Cancel();
    if (node_ != nullptr) co_await node_->Stop();
    node_.reset();
  }

 private:
  // Watches that run keep the connection, and with it the certificate, that they began with.
  Task<Result<std::string>> RenewClient() {
    auto renewing = RenewIdentity(world_, *remote_.client, request_, membership_);
    CO_TRY(http::TlsClientConfig tls, co_await std::move(renewing));
    membership_.identity = {.certificate_pem = tls.certificate_pem, .key_pem = tls.key_pem};
    remote_.transport->SetTls(std::move(tls));
    co_return membership_.identity.certificate_pem;
  }

  Task<Result<std::string>> RenewServer() {
    auto renewing = RenewServing(world_, *remote_.client, request_);
    CO_TRY(membership_.serving, co_await std::move(renewing));
    CO_TRY_STATUS(node_->SetServing(membership_.serving));
    co_return membership_.serving.certificate_pem;
  }

  World& world_;
  const Options& options_;
  JoinRequest request_;
  Membership membership_;
  RemoteClient remote_;
  std::unique_ptr<Node> node_;
  TaskScope tasks_{world_.loop};  // goes first
};

int RunAgent(const Options& options) {
  telemetry::SetLogLevel(telemetry::LevelFromName(options.process.log_level));
  RealWorld world;
  Agent agent(world.world(), options);
  return RunUntilSignal(
      world, [&agent] { return agent.Start(); }, [&agent] { return agent.Stop(); });
}

void Add(CLI::App& app, Run& run, const char* name, const char* description, bool with_proxy) {
  CLI::App* command = app.add_subcommand(name, description);
  command->footer(
      std::string("example: wherry ") + name +
      " --server https://10.0.0.1:6443 --token W1… (`wherry server` prints the whole command)");
  auto options = std::make_shared<Options>();
  options->with_proxy = with_proxy;
  AddProcessOptions(*command, options->process);
  AddNodeOptions(*command, options->node);
  command->add_option("--server", options->server,
                      "the API server to join (default: the one joined before)");
  command->add_option("--token", options->token,
                      "what the server printed; needed to join for the first time");
  command->add_option("--pod-cidr", options->pod_cidr, "the whole cluster's pod network")
      ->capture_default_str();
  command->callback([options, &run] { run = [options] { return RunAgent(*options); }; });
}

}  // namespace

void AddAgentCommand(CLI::App& app, Run& run) {
  Add(app, run, "agent", "a node that joins a cluster: node agent and service proxy", true);
}

void AddNodeagentCommand(CLI::App& app, Run& run) {
  Add(app, run, "nodeagent", "the node agent alone, without the service proxy", false);
}

}  // namespace wherry::cli
