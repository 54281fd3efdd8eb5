#include "cli/commands.h"
#include "cli/files.h"
#include "cli/options.h"
#include "cli/process.h"
#include "cli/remote.h"
#include "nodeagent/images/native_image_service.h"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wherry::cli {
namespace {

using nodeagent::images::Image;
using nodeagent::images::NativeImageService;

struct Options {
  ProcessOptions process;
  std::vector<std::string> insecure_registries;
  std::string name;
  std::string path;
};

using Action = std::function<Task<Status>(NativeImageService& images, const Options& options)>;

std::string ShortId(const std::string& id) { return id.substr(0, 19); }

Task<Status> Import(NativeImageService& images, const Options& options) {
  CO_TRY(Image image, co_await images.ImportImage(options.name, options.path));
  std::printf("%s %s\n", ShortId(image.id).c_str(), options.name.c_str());
  co_return Ok();
}

Task<Status> Pull(NativeImageService& images, const Options& options) {
  CO_TRY(Image image, co_await images.PullImage(options.name, std::nullopt));
  std::printf("%s %s\n", ShortId(image.id).c_str(), options.name.c_str());
  co_return Ok();
}

Task<Status> List(NativeImageService& images, const Options&) {
  std::printf("%-22s %-12s %s\n", "ID", "SIZE", "NAMES");
  for (const Image& image : images.ListImages()) {
    std::string names;
    for (const std::string& tag : image.repo_tags) names += (names.empty() ? "" : ", ") + tag;
    std::printf("%-22s %-12lld %s\n", ShortId(image.id).c_str(),
                static_cast<long long>(image.size_bytes), names.empty() ? "<none>" : names.c_str());
  }
  co_return Ok();
}

Task<Status> Remove(NativeImageService& images, const Options& options) {
  CO_TRY(const Image image, images.ImageStatus(options.name));  // a name in error is an error here
  CO_TRY_STATUS(co_await images.RemoveImage(options.name));
  std::printf("%s %s\n", ShortId(image.id).c_str(), options.name.c_str());
  co_return Ok();
}

int RunImage(const Options& options, const Action& action) {
  RealWorld world;
  const auto transport = MakeRegistryTransport(world.world());
  std::unique_ptr<NativeImageService> images;
  auto task = [&]() -> Task<Status> {
    CO_TRY_STATUS(MakePrivateDirectory(options.process.data_dir));
    NativeImageService::Options image_options;
    image_options.directory = options.process.data_dir + "/images";
    image_options.insecure_registries = options.insecure_registries;
    CO_TRY(images, NativeImageService::Open(world.world(), std::move(image_options), *transport));
    co_return co_await action(*images, options);
  };
  return RunToEnd(world, task);
}

}  // namespace

void AddImageCommand(CLI::App& app, Run& run) {
  CLI::App* image = app.add_subcommand("image", "the node's image store");
  image->require_subcommand(1);
  image->footer("example: wherry image import --data-dir /var/lib/wherry --name hello:v1 ./rootfs");
  auto options = std::make_shared<Options>();
  auto add = [&](const char* name, const char* description, Action action) {
    CLI::App* command = image->add_subcommand(name, description);
    AddProcessOptions(*command, options->process);
    command->callback([options, action, &run] {
      run = [options, action] { return RunImage(*options, action); };
    });
    return command;
  };
  CLI::App* import = add(
      "import",
      "bring in an OCI layout, a docker-archive, or a root file system (directory or tar)", Import);
  import->add_option("--name", options->name, "the reference it gets, such as hello:v1")
      ->required();
  import->add_option("path", options->path, "what to import")->required();
  CLI::App* pull = add("pull", "fetch an image from its registry", Pull);
  pull->add_option("reference", options->name, "such as registry.example.com/app:1.0")->required();
  pull->add_option("--insecure-registry", options->insecure_registries,
                   "HOST:PORT spoken to in plain http (repeatable)");
  add("list", "print what is there", List)->alias("ls");
  CLI::App* remove = add("remove", "take a name away, and the image with its last name", Remove);
  remove->alias("rm");
  remove->add_option("reference", options->name, "name or id")->required();
}

}  // namespace wherry::cli
