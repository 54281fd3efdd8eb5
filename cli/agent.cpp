#include "cli/commands.h"
#include "cli/join.h"
#include "cli/node.h"
#include "cli/options.h"
#include "cli/process.h"
#include "cli/remote.h"
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
    const NodeOptions node = WithDefaults(options_.node);
    JoinRequest request{.server = options_.server,
                        .token = options_.token,
                        .node_name = node.node_name,
                        .node_ip = node.node_ip,
                        .data_dir = options_.process.data_dir};
    auto joined = co_await Join(world_, std::move(request));
    if (!joined.ok()) co_return std::move(joined).error().Wrap("join '" + options_.server + "'");
    CO_TRY(remote_, ConnectByKubeconfig(world_, joined->kubeconfig_path));
    Node::Setup setup{.process = options_.process,
                      .options = node,
                      .pod_cidr = options_.pod_cidr,
                      .cluster_ca_pem = joined->ca_pem,
                      .serving = joined->serving,
                      .with_proxy = options_.with_proxy};
    node_ = std::make_unique<Node>(world_, *remote_.client, std::move(setup));
    CO_TRY_STATUS(co_await node_->Start());
    std::printf("ready in %lld ms: node %s\n", static_cast<long long>(MillisecondsSinceStart()),
                node.node_name.c_str());
    std::fflush(stdout);
    co_return Ok();
  }

  Task<void> Stop() {
    if (node_ != nullptr) co_await node_->Stop();
    node_.reset();
  }

 private:
  World& world_;
  const Options& options_;
  RemoteClient remote_;
  std::unique_ptr<Node> node_;
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
  command->add_option("--server", options->server, "the API server to join")->required();
  command->add_option("--token", options->token, "what the server printed")->required();
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
