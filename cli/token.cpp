#include "cli/commands.h"
#include "cli/join_tokens.h"
#include "cli/options.h"
#include "cli/process.h"
#include "cli/remote.h"
#include "lib/api/kind_registry.h"
#include "lib/api/time.h"
#include "lib/client/kubeconfig.h"
#include "proto/api/core/v1.pb.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>
#include <memory>
#include <string>

namespace wherry::cli {
namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

struct Options {
  ProcessOptions process;
  std::string kubeconfig;  // "" is the data directory's
  std::string ttl = "24h";
  std::string description;
  std::string token;  // of delete: the id, or all of it

  std::string kubeconfig_path() const {
    return kubeconfig.empty() ? process.data_dir + "/admin.kubeconfig" : kubeconfig;
  }
};

Task<Status> Create(World& world, client::ApiClient& client, const Options& options) {
  CO_TRY(const auto ttl, api::ParseDuration(options.ttl));
  if (ttl.count() < 0 || (ttl.count() > 0 && ttl < seconds(1))) {
    co_return MakeError(Reason::kBadRequest, "--ttl is less than a second: '" + options.ttl + "'");
  }
  CO_TRY(const auto config, client::LoadKubeconfig(options.kubeconfig_path()));
  NewJoinToken wanted{.ttl = duration_cast<seconds>(ttl), .description = options.description};
  auto creating = CreateJoinToken(world, client, std::move(wanted));
  CO_TRY(const api::BootstrapToken token, co_await std::move(creating));
  CO_TRY(const std::string command, JoinCommand(config.server, config.tls.ca_pem, token));
  std::printf("%s\n", command.c_str());
  co_return Ok();
}

Task<Status> List(World& world, client::ApiClient& client, const Options&) {
  CO_TRY(const std::vector<SecretPtr> tokens, co_await ListJoinTokens(client));
  std::printf("%-8s %-12s %-22s %s\n", "ID", "TTL", "EXPIRES", "DESCRIPTION");
  for (const SecretPtr& secret : tokens) {
    const auto token = api::BootstrapTokenOf(*secret);
    const auto expiration = api::BootstrapExpiration(*secret);
    std::string ttl = "forever";
    std::string expires = "never";
    if (api::HasExpired(*secret, world.clock.Now())) ttl = "expired";
    if (!expiration.ok()) {
      expires = "invalid";
    } else if (*expiration) {
      const auto left = duration_cast<seconds>(**expiration - world.clock.Now());
      if (left.count() > 0) ttl = api::FormatDuration(left);
      expires = api::FormatTime(**expiration);
    }
    std::printf("%-8s %-12s %-22s %s\n", token->id.c_str(), ttl.c_str(), expires.c_str(),
                api::BootstrapDescription(*secret).c_str());
  }
  co_return Ok();
}

Task<Status> Delete(World&, client::ApiClient& client, const Options& options) {
  const std::string id = options.token.substr(0, options.token.find('.'));
  CO_TRY(const std::vector<SecretPtr> tokens, co_await ListJoinTokens(client));
  for (const SecretPtr& secret : tokens) {
    const auto token = api::BootstrapTokenOf(*secret);
    if (token->id != id) continue;
    CO_TRY_STATUS(co_await client.Delete(api::KindOf<api::core::v1::Secret>(),
                                         std::string(api::kBootstrapTokenNamespace),
                                         token->SecretName(), client::DeleteOptions()));
    std::printf("token %s deleted\n", id.c_str());
    co_return Ok();
  }
  co_return MakeError(Reason::kNotFound, "no token '" + id + "'");
}

using Action = Task<Status> (*)(World&, client::ApiClient&, const Options&);

int RunAction(Action action, const Options& options) {
  RealWorld world;
  auto remote = ConnectByKubeconfig(world.world(), options.kubeconfig_path());
  if (!remote.ok()) {
    PrintError(remote.error());
    return 1;
  }
  return RunToEnd(world, [&] { return action(world.world(), *remote->client, options); });
}

CLI::App* Add(CLI::App& parent, Run& run, const char* name, const char* description, Action action,
              const std::shared_ptr<Options>& options) {
  CLI::App* command = parent.add_subcommand(name, description);
  AddProcessOptions(*command, options->process);
  command->add_option("--kubeconfig", options->kubeconfig,
                      "an administrator's (default: the data directory's)");
  command->callback(
      [action, options, &run] { run = [action, options] { return RunAction(action, *options); }; });
  return command;
}

}  // namespace

void AddTokenCommand(CLI::App& app, Run& run) {
  CLI::App* command =
      app.add_subcommand("token", "make, list and delete the tokens with which nodes join");
  command->require_subcommand(1);
  command->footer("example: wherry token create --ttl 1h --data-dir /var/lib/wherry");
  auto options = std::make_shared<Options>();
  CLI::App* create =
      Add(*command, run, "create", "print a join command with a new token", Create, options);
  create->add_option("--ttl", options->ttl, "how long it is good, as \"2h30m\"; 0 is for ever")
      ->capture_default_str();
  create->add_option("--description", options->description, "what it is for");
  Add(*command, run, "list", "the tokens that are there", List, options)->alias("ls");
  Add(*command, run, "delete", "nobody joins with that token any more", Delete, options)
      ->add_option("token", options->token, "its id, or the token")
      ->required();
}

}  // namespace wherry::cli
