#include "nodeagent/images/manifest.h"

#include "lib/json/json.h"
#include "nodeagent/images/digest.h"

#include <nlohmann/json.hpp>

namespace wherry::nodeagent::images {
namespace {

using json::Value;

constexpr size_t kLayersMax = 200;

Error Malformed(const char* what) {
  return MakeError(Reason::kInvalid, std::string("malformed ") + what);
}

Result<Value> ParseObject(std::string_view text, const char* what) {
  auto value = json::Parse(text);
  if (!value.ok()) {
    return MakeError(Reason::kInvalid,
                     std::string("malformed ") + what + ": " + value.error().message);
  }
  if (!value->is_object()) return Malformed(what);
  return value;
}

// Members that are absent, null or of another type read as empty.
const Value& Member(const Value& object, const char* name) {
  static const Value kNull;
  if (!object.is_object()) return kNull;
  auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}
std::string Text(const Value& object, const char* name) {
  const Value& value = Member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}
std::vector<std::string> Texts(const Value& object, const char* name) {
  std::vector<std::string> list;
  const Value& value = Member(object, name);
  if (!value.is_array()) return list;
  for (const Value& item : value) {
    if (item.is_string()) list.push_back(item.get<std::string>());
  }
  return list;
}

Result<Descriptor> ParseDescriptor(const Value& value) {
  Descriptor descriptor{.media_type = Text(value, "mediaType"), .digest = Text(value, "digest")};
  TRY_STATUS(DigestHex(descriptor.digest));
  const Value& size = Member(value, "size");
  if (!size.is_number_integer() || size.get<int64_t>() < 0) return Malformed("descriptor");
  descriptor.size = size.get<int64_t>();
  return descriptor;
}

bool IsUnsupportedLayer(std::string_view media_type) {
  return media_type.find("+encrypted") != std::string_view::npos ||
         media_type.find("foreign") != std::string_view::npos;
}

}  // namespace

Platform HostPlatform() {
#if defined(__x86_64__)
  return Platform{.architecture = "amd64"};
#elif defined(__aarch64__)
  return Platform{.architecture = "arm64", .variant = "v8"};
#else
#error "add this architecture's name as Go spells it"
#endif
}

Result<ManifestOrIndex> ParseManifest(std::string_view text) {
  TRY(Value document, ParseObject(text, "manifest"));
  const Value& schema = Member(document, "schemaVersion");
  if (!schema.is_number_integer() || schema.get<int64_t>() != 2) {
    return MakeError(Reason::kInvalid, "unsupported manifest schema version");
  }
  ManifestOrIndex result;
  const Value& manifests = Member(document, "manifests");
  const Value& layers = Member(document, "layers");
  // Never both: a document that could be read as either means different images to different
  // readers (CVE-2021-41190).
  if (manifests.is_array() == layers.is_array()) return Malformed("manifest");
  if (manifests.is_array()) {
    result.is_index = true;
    for (const Value& item : manifests) {
      ManifestOrIndex::Entry entry;
      TRY(entry.descriptor, ParseDescriptor(item));
      const Value& platform = Member(item, "platform");
      entry.has_platform = platform.is_object();
      entry.platform = Platform{.os = Text(platform, "os"),
                                .architecture = Text(platform, "architecture"),
                                .variant = Text(platform, "variant")};
      result.entries.push_back(std::move(entry));
    }
    return result;
  }
  TRY(result.manifest.config, ParseDescriptor(Member(document, "config")));
  if (layers.size() > kLayersMax) return MakeError(Reason::kInvalid, "image has too many layers");
  for (const Value& item : layers) {
    TRY(Descriptor layer, ParseDescriptor(item));
    if (IsUnsupportedLayer(layer.media_type)) {
      return MakeError(Reason::kInvalid, "unsupported layer type '" + layer.media_type + "'");
    }
    result.manifest.layers.push_back(std::move(layer));
  }
  return result;
}

Result<Descriptor> ChoosePlatform(const ManifestOrIndex& index, const Platform& platform) {
  const ManifestOrIndex::Entry* best = nullptr;
  for (const auto& entry : index.entries) {
    if (!entry.has_platform) {
      if (index.entries.size() == 1) best = &entry;
      continue;
    }
    if (entry.platform.os != platform.os || entry.platform.architecture != platform.architecture) {
      continue;
    }
    bool exact = entry.platform.variant == platform.variant;
    if (best == nullptr || exact) best = &entry;
    if (exact) break;
  }
  if (best != nullptr) return best->descriptor;
  return MakeError(Reason::kNotFound, "no match for platform in manifest: " + platform.os + "/" +
                                          platform.architecture + ": not found");
}

Result<ParsedConfig> ParseConfig(std::string_view text) {
  TRY(Value document, ParseObject(text, "image config"));
  ParsedConfig parsed{.os = Text(document, "os"), .architecture = Text(document, "architecture")};
  const Value& config = Member(document, "config");
  parsed.config.entrypoint = Texts(config, "Entrypoint");
  parsed.config.cmd = Texts(config, "Cmd");
  parsed.config.env = Texts(config, "Env");
  parsed.config.working_dir = Text(config, "WorkingDir");
  parsed.config.user = Text(config, "User");
  parsed.config.stop_signal = Text(config, "StopSignal");
  parsed.diff_ids = Texts(Member(document, "rootfs"), "diff_ids");
  for (const std::string& diff_id : parsed.diff_ids) TRY_STATUS(DigestHex(diff_id));
  return parsed;
}

std::string MakeConfig(const std::string& diff_id) {
  Value config;
  config["architecture"] = HostPlatform().architecture;
  config["os"] = "linux";
  config["config"]["Env"] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  config["rootfs"]["type"] = "layers";
  config["rootfs"]["diff_ids"] = {diff_id};
  return json::Dump(config);
}

Result<std::vector<DockerArchiveEntry>> ParseDockerManifest(std::string_view text) {
  auto document = json::Parse(text);
  if (!document.ok() || !document->is_array() || document->empty()) {
    return Malformed("docker archive: manifest.json");
  }
  std::vector<DockerArchiveEntry> entries;
  for (const Value& item : *document) {
    DockerArchiveEntry entry{.config = Text(item, "Config"),
                             .repo_tags = Texts(item, "RepoTags"),
                             .layers = Texts(item, "Layers")};
    if (entry.config.empty() || entry.layers.size() > kLayersMax) {
      return Malformed("docker archive: manifest.json");
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace wherry::nodeagent::images
