#include "apiserver/app.h"
#include "apiserver/nodeconnect/node_connections.h"
#include "cli/commands.h"
#include "cli/control_plane.h"
#include "cli/keys/renewal.h"
#include "cli/node.h"
#include "cli/options.h"
#include "cli/process.h"
#include "lib/http/in_process.h"
#include "lib/loop/task_scope.h"
#include "lib/telemetry/log.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace wherry::cli {
namespace {

struct Options {
  ProcessOptions process;
  ServerOptions server;
  NodeOptions node;
};

// A control plane and a node in one process, each reaching the other without a socket.
class AllInOne {
 public:
  AllInOne(World& world, const Options& options)
      : world_(world),
        options_(options),
        plane_(world, options.process, options.server, {.controllers = true, .scheduler = true}) {}

  Task<Status> Start() {
    NodeOptions node = options_.node;
    if (node.node_ip.empty() && options_.server.bind_address != "0.0.0.0")
      node.node_ip = options_.server.bind_address;
    CO_TRY(node, WithDefaults(options_.process.data_dir, std::move(node)));
    CO_TRY_STATUS(co_await plane_.Start());
    CO_TRY_STATUS(co_await StartNode(std::move(node)));
    CO_TRY(const std::string command, co_await plane_.MakeJoinCommand());
    std::printf("join with: %s\n", command.c_str());
    std::fflush(stdout);
    co_return Ok();
  }

  // Requests first, since a log that is followed reads from the node, then the node, which still
  // tells the API server what it sees.
  Task<void> Stop() {
    tasks_.Cancel();
    co_await plane_.Drain();
    if (node_ != nullptr) {
      co_await node_->Stop();
      plane_.api().nodes().UnregisterLocal(node_->name());
    }
    co_await plane_.Stop();
  }

 private:
  Task<Status> StartNode(NodeOptions node) {
    client::ApiClient& client = plane_.Client("system:node:" + node.node_name, {"system:nodes"});
    Node::Setup setup;
    setup.process = options_.process;
    setup.options = node;
    setup.pod_cidr = options_.server.pod_cidr;
    setup.cluster_ca_pem = plane_.ca_pem();
    CO_TRY(setup.serving, plane_.IssueNodeServing(node.node_name, node.node_ip));
    const std::string first_pem = setup.serving.certificate_pem;
    node_ = std::make_unique<Node>(world_, client, std::move(setup));
    CO_TRY_STATUS(co_await node_->Start());
    tasks_.Spawn("renew serving certificate",
                 KeepRenewed(world_, "serving", first_pem, [this] { return RenewServing(); }));
    http::InProcessRoundTripper::Options to_node;
    to_node.user = http::UserInfo{.name = "kube-apiserver", .groups = {"system:masters"}};
    transport_ =
        std::make_unique<http::InProcessRoundTripper>(node_->handler(), std::move(to_node));
    plane_.api().nodes().RegisterLocal(node.node_name, *transport_);
    co_return Ok();
  }

  Task<Result<std::string>> RenewServing() {
    CO_TRY(const http::CertifiedKey serving, plane_.IssueNodeServing(node_->name(), node_->ip()));
    CO_TRY_STATUS(node_->SetServing(serving));
    co_return serving.certificate_pem;
  }

  World& world_;
  const Options& options_;
  ControlPlane plane_;
  std::unique_ptr<Node> node_;
  std::unique_ptr<http::InProcessRoundTripper> transport_;
  TaskScope tasks_{world_.loop};  // goes first
};

int RunUp(const Options& options) {
  telemetry::SetLogLevel(telemetry::LevelFromName(options.process.log_level));
  RealWorld world;
  AllInOne all(world.world(), options);
  return RunUntilSignal(world, [&all] { return all.Start(); }, [&all] { return all.Stop(); });
}

}  // namespace

void AddUpCommand(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("up", "a whole cluster in one process: control plane, node and proxy");
  command->footer("example: wherry up --data-dir /var/lib/wherry --https-port 6443");
  auto options = std::make_shared<Options>();
  AddProcessOptions(*command, options->process);
  AddServerOptions(*command, options->server);
  AddNodeOptions(*command, options->node);
  command->callback([options, &run] { run = [options] { return RunUp(*options); }; });
}

}  // namespace wherry::cli
