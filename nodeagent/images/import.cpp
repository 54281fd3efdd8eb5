#include "nodeagent/images/import.h"

#include "lib/linux/file.h"
#include "nodeagent/images/digest.h"
#include "nodeagent/images/manifest.h"
#include "nodeagent/images/unpack.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>

namespace wherry::nodeagent::images {
namespace {

using linux::Fd;

constexpr size_t kDocumentBytesMax = 8 << 20;
constexpr int kIndexDepthMax = 4;

class Importer {
 public:
  Importer(const ImageStore& store, const ImageReference* name) : store_(store), name_(name) {}

  Result<StoredImage> FromDirectory(int directory) {
    if (Exists(directory, "oci-layout")) return FromOciLayout(directory);
    if (Exists(directory, "manifest.json")) return FromDockerArchive(directory);
    return FromRootDirectory(directory);
  }

  Result<StoredImage> FromTar(Fd tar) {
    TRY(TarTop top, LookAtTar(tar.get()));
    if (::lseek(tar.get(), 0, SEEK_SET) != 0) return ErrnoError(errno, "rewind the archive");
    if (!top.has_docker_manifest && !top.has_oci_layout) return FromRootTar(tar.get());
    TRY(Staging staging, store_.MakeStaging());
    TRY(Fd directory, linux::OpenAt(AT_FDCWD, staging.path(), O_RDONLY | O_DIRECTORY));
    TRY_STATUS(UnpackTar(tar.get(), directory.get(), UnpackAs::kFiles, UnpackLimits{}));
    return FromDirectory(directory.get());
  }

 private:
  static bool Exists(int directory, const char* name) {
    return linux::OpenInRoot(directory, name, O_PATH).ok();
  }

  static Result<std::string> ReadDocument(int directory, const std::string& path) {
    TRY(Fd file, linux::OpenInRoot(directory, path, O_RDONLY | O_NONBLOCK));
    return linux::ReadAll(file.get(), kDocumentBytesMax);
  }

  // A blob of an OCI layout whose bytes have been compared with its digest.
  static Result<std::string> ReadBlob(int directory, const std::string& digest) {
    TRY(std::string hex, DigestHex(digest));
    TRY(std::string text, ReadDocument(directory, "blobs/sha256/" + hex));
    if (Sha256Of(text) != digest) {
      return MakeError(Reason::kInvalid, "blob " + digest + " has another content than its digest");
    }
    return text;
  }

  Result<StoredImage> FromOciLayout(int directory) {
    TRY(std::string text, ReadDocument(directory, "index.json"));
    std::string digest;
    for (int depth = 0; depth < kIndexDepthMax; ++depth) {
      TRY(ManifestOrIndex document, ParseManifest(text));
      if (!document.is_index) return FromManifest(directory, document.manifest, digest);
      TRY(Descriptor chosen, ChoosePlatform(document, HostPlatform()));
      digest = chosen.digest;
      TRY(text, ReadBlob(directory, digest));
    }
    return MakeError(Reason::kInvalid, "indexes are nested too deeply");
  }

  Result<StoredImage> FromManifest(int directory, const Manifest& manifest,
                                   const std::string& digest) {
    TRY(std::string config, ReadBlob(directory, manifest.config.digest));
    TRY(ParsedConfig parsed, ParseConfig(config));
    if (parsed.diff_ids.size() != manifest.layers.size()) {
      return MakeError(Reason::kInvalid, "manifest and config disagree about the layers");
    }
    int64_t size = 0;
    for (size_t i = 0; i < manifest.layers.size(); ++i) {
      size += manifest.layers[i].size;
      if (store_.HasLayer(parsed.diff_ids[i])) continue;
      TRY(std::string hex, DigestHex(manifest.layers[i].digest));
      // Its content is judged by the diff id, which the verified config names.
      TRY(Fd blob, linux::OpenInRoot(directory, "blobs/sha256/" + hex, O_RDONLY));
      TRY_STATUS(store_.AddLayer(blob.get(), parsed.diff_ids[i]));
    }
    return store_.AddImage(config, name_, digest, size);
  }

  Result<StoredImage> FromDockerArchive(int directory) {
    TRY(std::string text, ReadDocument(directory, "manifest.json"));
    TRY(auto entries, ParseDockerManifest(text));
    const DockerArchiveEntry& entry = entries.front();
    if (entries.size() > 1) {
      return MakeError(Reason::kInvalid, "docker archive holds more than one image");
    }
    TRY(std::string config, ReadDocument(directory, entry.config));
    TRY(ParsedConfig parsed, ParseConfig(config));
    if (parsed.diff_ids.size() != entry.layers.size()) {
      return MakeError(Reason::kInvalid, "manifest and config disagree about the layers");
    }
    int64_t size = 0;
    for (size_t i = 0; i < entry.layers.size(); ++i) {
      TRY(Fd layer, linux::OpenInRoot(directory, entry.layers[i], O_RDONLY));
      struct stat info{};
      if (::fstat(layer.get(), &info) != 0) return ErrnoError(errno, "stat layer");
      size += info.st_size;
      if (store_.HasLayer(parsed.diff_ids[i])) continue;
      TRY_STATUS(store_.AddLayer(layer.get(), parsed.diff_ids[i]));
    }
    std::optional<ImageReference> inside;
    if (name_ == nullptr && !entry.repo_tags.empty()) {
      TRY(ImageReference tag, ParseImageReference(entry.repo_tags.front()));
      inside = std::move(tag);
    }
    return store_.AddImage(config, inside ? &*inside : name_, "", size);
  }

  Result<StoredImage> FromRootTar(int tar) {
    TRY(std::string diff_id, store_.AddLayer(tar, ""));
    struct stat info{};
    if (::fstat(tar, &info) != 0) return ErrnoError(errno, "stat archive");
    return store_.AddImage(MakeConfig(diff_id), name_, "", info.st_size);
  }

  Result<StoredImage> FromRootDirectory(int directory) {
    TRY(Staging staging, store_.MakeStaging());
    TRY(Fd tar,
        linux::OpenAt(AT_FDCWD, staging.path() + "/root.tar", O_RDWR | O_CREAT | O_EXCL, 0600));
    TRY_STATUS(PackTar(directory, tar.get()));
    if (::lseek(tar.get(), 0, SEEK_SET) != 0) return ErrnoError(errno, "rewind the archive");
    return FromRootTar(tar.get());
  }

  const ImageStore& store_;
  const ImageReference* name_;
};

}  // namespace

Result<StoredImage> ImportImageFrom(const ImageStore& store, const ImageReference* name,
                                    const std::string& path) {
  TRY(Fd source, linux::OpenAt(AT_FDCWD, path, O_RDONLY));
  struct stat info{};
  if (::fstat(source.get(), &info) != 0) return ErrnoError(errno, "stat '" + path + "'");
  Importer importer(store, name);
  auto imported = S_ISDIR(info.st_mode) ? importer.FromDirectory(source.get())
                                        : importer.FromTar(std::move(source));
  if (!imported.ok()) return std::move(imported).error().Wrap("import '" + path + "'");
  return imported;
}

}  // namespace wherry::nodeagent::images
