#include "cli/commands.h"
#include "cli/control_plane.h"
#include "cli/options.h"
#include "cli/process.h"
#include "lib/telemetry/log.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace wherry::cli {
namespace {

struct Options {
  ProcessOptions process;
  ServerOptions server;
};

int RunControlPlane(const Options& options, ControlPlane::Parts parts, bool print_join) {
  telemetry::SetLogLevel(telemetry::LevelFromName(options.process.log_level));
  RealWorld world;
  ControlPlane plane(world.world(), options.process, options.server, parts);
  auto start = [&plane, print_join]() -> Task<Status> {
    CO_TRY_STATUS(co_await plane.Start());
    if (print_join) {
      CO_TRY(const std::string command, co_await plane.MakeJoinCommand());
      std::printf("join with: %s\n", command.c_str());
      std::fflush(stdout);
    }
    co_return Ok();
  };
  return RunUntilSignal(world, start, [&plane] { return plane.Stop(); });
}

std::shared_ptr<Options> AddOptions(CLI::App& command) {
  auto options = std::make_shared<Options>();
  AddProcessOptions(command, options->process);
  AddServerOptions(command, options->server);
  return options;
}

}  // namespace

void AddServerCommand(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("server", "the control plane: API server, controllers and scheduler");
  command->footer("example: wherry server --data-dir /var/lib/wherry --bind-address 10.0.0.1");
  auto options = AddOptions(*command);
  command->callback([options, &run] {
    run = [options] {
      return RunControlPlane(*options, {.controllers = true, .scheduler = true}, true);
    };
  });
}

void AddApiserverCommand(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("apiserver", "the API server alone");
  command->footer("example: wherry apiserver --data-dir /var/lib/wherry --https-port 6443");
  auto options = AddOptions(*command);
  command->callback([options, &run] {
    run = [options] {
      return RunControlPlane(*options, {.controllers = false, .scheduler = false}, true);
    };
  });
}

}  // namespace wherry::cli
