#include "cli/commands.h"
#include "cli/config_file.h"

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  CLI::App app{"The Kubernetes API in one small boat."};
  app.name("wherry");
  app.require_subcommand(1);
  app.set_version_flag("--version", WHERRY_VERSION);
  app.failure_message(CLI::FailureMessage::simple);
  wherry::cli::Run run;
  using Add = void (*)(CLI::App&, wherry::cli::Run&);
  for (Add add :
       {wherry::cli::AddUpCommand, wherry::cli::AddServerCommand, wherry::cli::AddAgentCommand,
        wherry::cli::AddImageCommand, wherry::cli::AddTokenCommand, wherry::cli::AddResetCommand,
        wherry::cli::AddApiserverCommand, wherry::cli::AddControllerManagerCommand,
        wherry::cli::AddSchedulerCommand, wherry::cli::AddNodeagentCommand,
        wherry::cli::AddProxyCommand}) {
    add(app, run);
  }
  for (CLI::App* command : app.get_subcommands({}))
    command->config_formatter(wherry::cli::MakeYamlConfig());
  CLI11_PARSE(app, argc, argv);
  return run();
}
