#include "nodeagent/images/puller.h"

#include "lib/linux/file.h"
#include "lib/loop/blocking.h"
#include "nodeagent/images/digest.h"

#include <unistd.h>

namespace wherry::nodeagent::images {
namespace {

constexpr int64_t kDocumentBytesMax = 8 << 20;
constexpr int64_t kLayerBytesMax = int64_t{32} << 30;
constexpr size_t kBatchBytes = 1 << 20;

Error WrongDigest(const std::string& got, const std::string& expected) {
  return MakeError(Reason::kInvalid, "failed commit on ref: unexpected commit digest " + got +
                                         ", expected " + expected + ": failed precondition");
}

// A blob on its way to disk. Written and summed on a helper thread, one batch at a time.
struct Download {
  Staging staging;
  linux::Fd file;
  Sha256 sum;
  int64_t bytes = 0;

  Status Append(std::string_view batch) {
    sum.Update(batch);
    bytes += static_cast<int64_t>(batch.size());
    return linux::WriteAll(file.get(), batch);
  }
};

Result<std::shared_ptr<Download>> BeginDownload(const ImageStore& store) {
  TRY(Staging staging, store.MakeStaging());
  TRY(linux::Fd file,
      linux::OpenAt(AT_FDCWD, staging.path() + "/blob", O_RDWR | O_CREAT | O_EXCL, 0600));
  return std::make_shared<Download>(
      Download{.staging = std::move(staging), .file = std::move(file)});
}

class Puller {
 public:
  Puller(World& world, std::shared_ptr<const ImageStore> store, http::RoundTripper& transport,
         const ImageReference& reference, std::optional<RegistryAuth> auth, bool insecure)
      : world_(world),
        store_(std::move(store)),
        registry_(transport, RegistryUrl(reference.registry, insecure), reference.repository,
                  std::move(auth)) {}

  // A manifest or blob that is read into memory, verified unless `digest` is a tag.
  Task<Result<std::string>> Document(std::string path, std::string digest, std::string accept) {
    auto get = registry_.Get(std::move(path), std::move(accept), false);
    CO_TRY(http::Response response, co_await std::move(get));
    if (static_cast<int64_t>(response.body.size()) > kDocumentBytesMax) {
      co_return MakeError(Reason::kRequestEntityTooLarge, "document of the image is too large");
    }
    std::string sum = Sha256Of(response.body);
    if (!digest.empty() && sum != digest) co_return WrongDigest(sum, digest);
    co_return std::move(response.body);
  }

  struct Resolved {
    Manifest manifest;
    std::string digest;  // of what the reference names: the index, if it is one
  };
  Task<Result<Resolved>> Resolve(ImageReference reference) {
    std::string target = reference.digest.empty() ? reference.tag : reference.digest;
    auto first = Document("manifests/" + target, reference.digest, kAcceptedManifests);
    CO_TRY(std::string text, co_await std::move(first));
    Resolved resolved{.digest = Sha256Of(text)};
    CO_TRY(ManifestOrIndex document, ParseManifest(text));
    if (document.is_index) {
      CO_TRY(Descriptor chosen, ChoosePlatform(document, HostPlatform()));
      auto second = Document("manifests/" + chosen.digest, chosen.digest, kAcceptedManifests);
      CO_TRY(text, co_await std::move(second));
      CO_TRY(document, ParseManifest(text));
      if (document.is_index) co_return MakeError(Reason::kInvalid, "index inside an index");
    }
    resolved.manifest = std::move(document.manifest);
    co_return resolved;
  }

  Task<Status> Layer(Descriptor layer, std::string diff_id) {
    if (layer.size > kLayerBytesMax) {
      co_return MakeError(Reason::kRequestEntityTooLarge,
                          "layer " + layer.digest + " is too large");
    }
    auto begin = [store = store_] { return BeginDownload(*store); };
    CO_TRY(std::shared_ptr<Download> download,
           co_await world_.blocking.Run(world_.loop, std::move(begin)));
    auto get = registry_.Get("blobs/" + layer.digest, "", true);
    CO_TRY(http::Response response, co_await std::move(get));
    int64_t received = 0;
    bool more = true;
    while (more) {
      std::string batch;
      if (response.stream == nullptr) batch = std::move(response.body);
      while (response.stream != nullptr && batch.size() < kBatchBytes) {
        CO_TRY(auto chunk, co_await response.stream->Next());
        if (!chunk) {
          more = false;
          break;
        }
        if (chunk->bytes) batch += *chunk->bytes;
      }
      if (response.stream == nullptr) more = false;
      received += static_cast<int64_t>(batch.size());
      if (received > layer.size) {
        co_return MakeError(Reason::kInvalid,
                            "layer " + layer.digest + " is longer than announced");
      }
      auto append = [download, bytes = std::move(batch)] { return download->Append(bytes); };
      CO_TRY_STATUS(co_await world_.blocking.Run(world_.loop, std::move(append)));
    }
    std::string sum = download->sum.Finish();
    if (sum != layer.digest) co_return WrongDigest(sum, layer.digest);
    auto unpack = [store = store_, download, diff_id]() -> Status {
      if (::lseek(download->file.get(), 0, SEEK_SET) != 0) return ErrnoError(errno, "rewind layer");
      TRY_STATUS(store->AddLayer(download->file.get(), diff_id));
      return Ok();
    };
    auto unpacked = co_await world_.blocking.Run(world_.loop, std::move(unpack));
    co_return unpacked;
  }

  Task<Result<StoredImage>> Fetch(Resolved resolved, ImageReference reference) {
    const Manifest& manifest = resolved.manifest;
    auto get = Document("blobs/" + manifest.config.digest, manifest.config.digest, "");
    CO_TRY(std::string config, co_await std::move(get));
    CO_TRY(ParsedConfig parsed, ParseConfig(config));
    if (parsed.diff_ids.size() != manifest.layers.size()) {
      co_return MakeError(Reason::kInvalid, "manifest and config disagree about the layers");
    }
    int64_t size = 0;
    for (size_t i = 0; i < manifest.layers.size(); ++i) {
      size += manifest.layers[i].size;
      if (store_->HasLayer(parsed.diff_ids[i])) continue;
      auto layer = co_await Layer(manifest.layers[i], parsed.diff_ids[i]);
      if (!layer.ok()) co_return std::move(layer).error().Wrap("failed to copy");
    }
    auto add = [store = store_, config, reference, digest = resolved.digest, size] {
      return store->AddImage(config, &reference, digest, size);
    };
    auto added = co_await world_.blocking.Run(world_.loop, std::move(add));
    co_return added;
  }

 private:
  World& world_;
  std::shared_ptr<const ImageStore> store_;
  RegistryClient registry_;
};

}  // namespace

std::string RegistryUrl(const std::string& registry, bool insecure) {
  std::string host = registry == "docker.io" ? "registry-1.docker.io" : registry;
  return (insecure ? "http://" : "https://") + host;
}

Task<Result<StoredImage>> PullImageInto(World& world, std::shared_ptr<const ImageStore> store,
                                        http::RoundTripper& transport, ImageReference reference,
                                        std::optional<RegistryAuth> auth, bool insecure) {
  std::string name = reference.ToString();
  std::string doing = "failed to pull and unpack image \"" + name + "\"";
  Puller puller(world, std::move(store), transport, reference, std::move(auth), insecure);
  auto resolve = puller.Resolve(reference);
  auto resolved = co_await std::move(resolve);
  if (!resolved.ok()) {
    std::string step = "failed to resolve reference \"" + name + "\"";
    if (resolved.error().reason == Reason::kNotFound) step += ": " + name;
    co_return std::move(resolved).error().Wrap(step).Wrap(doing);
  }
  auto fetch = puller.Fetch(std::move(*resolved), std::move(reference));
  auto fetched = co_await std::move(fetch);
  if (!fetched.ok()) co_return std::move(fetched).error().Wrap(doing);
  co_return fetched;
}

}  // namespace wherry::nodeagent::images
