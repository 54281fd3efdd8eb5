// The commands that run one component against any API server, as a kubeconfig says.

#include "cli/commands.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/process.h"
#include "cli/remote.h"
#include "cli/service_proxy.h"
#include "controllers/manager/app.h"
#include "lib/client/kubeconfig.h"
#include "lib/telemetry/log.h"
#include "scheduler/app.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <string>

namespace wherry::cli {
namespace {

struct Options {
  std::string kubeconfig;
  std::string log_level = "info";
  std::string cluster_cidr = "10.244.0.0/16";
  std::string service_account_key_file;
  NodeOptions node;
};

std::shared_ptr<Options> AddOptions(CLI::App& command) {
  auto options = std::make_shared<Options>();
  command.add_option("--kubeconfig", options->kubeconfig, "how to reach the API server")
      ->required();
  AddLogLevelOption(command, options->log_level);
  command.set_config("--config", "", "a YAML file with the flags' names as keys");
  return options;
}

// Connects, makes the component by `make`, and runs until a signal. `make` returns what keeps the
// component alive.
int RunComponent(
    const Options& options,
    const std::function<Result<std::shared_ptr<void>>(World&, client::ApiClient&)>& make) {
  telemetry::SetLogLevel(telemetry::LevelFromName(options.log_level));
  RealWorld world;
  auto remote = ConnectByKubeconfig(world.world(), options.kubeconfig);
  if (!remote.ok()) {
    PrintError(remote.error());
    return 1;
  }
  std::shared_ptr<void> component;
  auto start = [&]() -> Task<Status> {
    CO_TRY(component, make(world.world(), *remote->client));
    co_return Ok();
  };
  auto stop = [&]() -> Task<void> {
    component.reset();
    co_return;
  };
  return RunUntilSignal(world, start, stop);
}

int RunControllerManager(const Options& options) {
  return RunComponent(
      options,
      [&options](World& world, client::ApiClient& client) -> Result<std::shared_ptr<void>> {
        TRY(client::Kubeconfig kubeconfig, client::LoadKubeconfig(options.kubeconfig));
        controllers::App::Options manager;
        manager.root_ca_pem = kubeconfig.tls.ca_pem;
        if (!options.service_account_key_file.empty()) {
          TRY(manager.service_account_key_pem, ReadFile(options.service_account_key_file));
        }
        manager.cluster_cidr = options.cluster_cidr;
        auto app = std::make_shared<controllers::App>(world, client, std::move(manager));
        TRY_STATUS(app->Start());
        return std::shared_ptr<void>(app);
      });
}

int RunScheduler(const Options& options) {
  return RunComponent(
      options, [](World& world, client::ApiClient& client) -> Result<std::shared_ptr<void>> {
        auto app = std::make_shared<scheduler::App>(world, client, scheduler::Options{});
        app->Start();
        return std::shared_ptr<void>(app);
      });
}

int RunProxy(const Options& options) {
  return RunComponent(
      options,
      [&options](World& world, client::ApiClient& client) -> Result<std::shared_ptr<void>> {
        auto proxy =
            std::make_shared<ServiceProxy>(world, client, options.node, options.cluster_cidr);
        proxy->Start();
        return std::shared_ptr<void>(proxy);
      });
}

void Add(CLI::App& app, Run& run, const char* name, const char* description,
         int (*function)(const Options&), const std::function<void(CLI::App&, Options&)>& more) {
  CLI::App* command = app.add_subcommand(name, description);
  command->footer(std::string("example: wherry ") + name + " --kubeconfig /var/lib/wherry/" + name +
                  ".kubeconfig");
  auto options = AddOptions(*command);
  more(*command, *options);
  command->callback(
      [options, function, &run] { run = [options, function] { return function(*options); }; });
}

}  // namespace

void AddControllerManagerCommand(CLI::App& app, Run& run) {
  Add(app, run, "controller-manager", "the controllers alone", RunControllerManager,
      [](CLI::App& command, Options& options) {
        command
            .add_option("--pod-cidr", options.cluster_cidr,
                        "where pod IPs come from; each node gets a /24")
            ->capture_default_str();
        command.add_option("--service-account-private-key-file", options.service_account_key_file,
                           "signs the tokens of Secrets that ask for one; the API server's key");
      });
}

void AddSchedulerCommand(CLI::App& app, Run& run) {
  Add(app, run, "scheduler", "the scheduler alone", RunScheduler, [](CLI::App&, Options&) {});
}

void AddProxyCommand(CLI::App& app, Run& run) {
  Add(app, run, "proxy", "the service proxy of one node alone", RunProxy,
      [](CLI::App& command, Options& options) {
        command.add_option("--node-name", options.node.node_name,
                           "name of the Node object (default: the host's name)");
        AddProxyOptions(command, options.node);
        command.add_option("--pod-cidr", options.cluster_cidr, "the whole cluster's pod network")
            ->capture_default_str();
      });
}

}  // namespace wherry::cli
