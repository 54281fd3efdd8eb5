#pragma once

#include "lib/base/result.h"
#include "nodeagent/images/image_service.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// The JSON documents of an image, OCI's and Docker's schema 2. Parsing checks every digest's form
// and that sizes are not negative. Errors: kInvalid.
// Sources: OCI image-spec manifest.md, image-index.md, config.md; distribution manifest-v2-2.
namespace wherry::nodeagent::images {

struct Descriptor {
  std::string media_type;
  std::string digest;
  int64_t size = 0;
};

struct Platform {
  std::string os = "linux";
  std::string architecture;  // Go's names: "amd64", "arm64"
  std::string variant;       // "v8"
};
// This machine's.
Platform HostPlatform();

struct Manifest {
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
};

// A document that may be a manifest or a list of manifests for several platforms.
struct ManifestOrIndex {
  bool is_index = false;
  Manifest manifest;
  struct Entry {
    Descriptor descriptor;
    Platform platform;
    bool has_platform = false;
  };
  std::vector<Entry> entries;
};
Result<ManifestOrIndex> ParseManifest(std::string_view text);
// The entry for `platform`; one without a platform counts when it is alone. Errors: kNotFound.
Result<Descriptor> ChoosePlatform(const ManifestOrIndex& index, const Platform& platform);

struct ParsedConfig {
  ImageConfig config;
  std::string os;
  std::string architecture;
  std::vector<std::string> diff_ids;  // lowest first
};
Result<ParsedConfig> ParseConfig(std::string_view text);
// A config for a root file system that came without one.
std::string MakeConfig(const std::string& diff_id);

// docker-archive's manifest.json. Paths are inside the archive.
struct DockerArchiveEntry {
  std::string config;
  std::vector<std::string> repo_tags;
  std::vector<std::string> layers;
};
Result<std::vector<DockerArchiveEntry>> ParseDockerManifest(std::string_view text);

inline constexpr const char* kAcceptedManifests =
    "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

}  // namespace wherry::nodeagent::images
