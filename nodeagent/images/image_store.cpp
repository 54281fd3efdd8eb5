#include "nodeagent/images/image_store.h"

#include "lib/linux/file.h"
#include "nodeagent/images/digest.h"
#include "nodeagent/images/image_records.h"
#include "nodeagent/images/manifest.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace wherry::nodeagent::images {
namespace {

using linux::Fd;

constexpr const char* kRecords = "images.json";
constexpr size_t kRecordsBytesMax = 64 << 20;
constexpr size_t kBlobBytesMax = 8 << 20;

bool Names(const Image& image, const std::string& reference) {
  auto has = [&](const std::vector<std::string>& list) {
    return std::ranges::find(list, reference) != list.end();
  };
  return image.id == reference || has(image.repo_tags) || has(image.repo_digests);
}

// "registry/repository:tag", or "registry/repository@digest" when there is a digest.
std::string Canonical(const std::string& reference) {
  if (DigestHex(reference).ok()) return reference;
  auto parsed = ParseImageReference(reference);
  if (!parsed.ok()) return reference;
  if (!parsed->digest.empty()) parsed->tag.clear();
  return parsed->ToString();
}

void EraseValue(std::vector<std::string>& list, const std::string& value) {
  std::erase(list, value);
}

void AddValue(std::vector<std::string>& list, const std::string& value) {
  if (std::ranges::find(list, value) == list.end()) list.push_back(value);
}

}  // namespace

Result<ImageStore> ImageStore::Open(const std::string& directory) {
  TRY_STATUS(linux::MakeDirs(AT_FDCWD, directory, 0700));
  TRY(Fd root, linux::OpenDirectory(AT_FDCWD, directory));
  for (const char* name : {"blobs/sha256", "layers", "leases", "staging"}) {
    TRY_STATUS(linux::MakeDirs(root.get(), name, 0700));
  }
  return ImageStore(std::move(root), directory);
}

Result<linux::FileLock> ImageStore::Lock() const {
  return linux::FileLock::Lock(root_.get(), "lock");
}

Result<std::vector<StoredImage>> ImageStore::Load() const {
  auto text = linux::ReadFile(root_.get(), kRecords, kRecordsBytesMax);
  if (!text.ok()) {
    if (text.error().reason == Reason::kNotFound) return std::vector<StoredImage>{};
    return std::move(text).error();
  }
  return DecodeRecords(*text);
}

Status ImageStore::Save(const std::vector<StoredImage>& images) const {
  return linux::ReplaceFile(root_.get(), kRecords, EncodeRecords(images), 0600,
                            linux::Durability::kDisk);
}

Result<std::vector<StoredImage>> ImageStore::List() const { return Load(); }

std::string ImageStore::Generation() const {
  struct stat info{};
  if (::fstatat(root_.get(), kRecords, &info, 0) != 0) return "";
  return std::to_string(info.st_ino) + "." + std::to_string(info.st_mtim.tv_sec) + "." +
         std::to_string(info.st_mtim.tv_nsec);
}

Result<StoredImage> ImageStore::Find(const std::string& reference) const {
  TRY(auto images, Load());
  std::string name = Canonical(reference);
  for (StoredImage& stored : images) {
    if (Names(stored.image, name)) return std::move(stored);
  }
  return MakeError(Reason::kNotFound, "image '" + reference + "' not found");
}

std::string ImageStore::LayerPath(const std::string& diff_id) const {
  auto hex = DigestHex(diff_id);
  CHECK_OK(hex);
  return path_ + "/layers/" + *hex;
}

bool ImageStore::HasLayer(const std::string& diff_id) const {
  return ::access(LayerPath(diff_id).c_str(), F_OK) == 0;
}

Result<std::string> ImageStore::ReadBlob(const std::string& digest) const {
  TRY(std::string hex, DigestHex(digest));
  return linux::ReadFile(root_.get(), "blobs/sha256/" + hex, kBlobBytesMax);
}

Result<std::string> ImageStore::WriteBlob(std::string_view bytes) const {
  std::string digest = Sha256Of(bytes);
  TRY(std::string hex, DigestHex(digest));
  TRY(Fd blobs, linux::OpenDirectory(root_.get(), "blobs/sha256"));
  TRY_STATUS(linux::ReplaceFile(blobs.get(), hex, bytes, 0600, linux::Durability::kDisk));
  return digest;
}

Result<Staging> ImageStore::MakeStaging() const {
  TRY(linux::FileLock lock, Lock());
  return Staging::Make(path_ + "/staging");
}

Status ImageStore::RemoveAbandoned() const {
  TRY(Fd staging, linux::OpenAt(root_.get(), "staging", O_RDONLY | O_DIRECTORY));
  std::vector<Staging::Abandoned> abandoned;
  {
    TRY(linux::FileLock lock, Lock());
    TRY(abandoned, Staging::FindAbandoned(staging.get()));
  }
  // Layers are large; nobody waits for the lock while they go.
  for (const Staging::Abandoned& one : abandoned) {
    Status removed = linux::RemoveTree(staging.get(), one.name);
    if (!removed.ok() && removed.error().reason != Reason::kNotFound) return removed;
  }
  return Ok();
}

Result<std::string> ImageStore::AddLayer(int archive, const std::string& expected_diff_id) const {
  TRY(Staging staging, MakeStaging());
  std::string tree = staging.path() + "/layer";
  TRY_STATUS(linux::MakeDirs(AT_FDCWD, tree, 0755));
  TRY(Fd root, linux::OpenAt(AT_FDCWD, tree, O_RDONLY | O_DIRECTORY));
  TRY(UnpackResult unpacked, UnpackTar(archive, root.get(), UnpackAs::kLayer, UnpackLimits{}));
  if (!expected_diff_id.empty() && unpacked.diff_id != expected_diff_id) {
    return MakeError(Reason::kInvalid, "wrong diff id calculated on extraction \"" +
                                           unpacked.diff_id + "\", expected \"" + expected_diff_id +
                                           "\"");
  }
  // Everything in it is on disk before the layer exists under its name.
  if (::syncfs(root.get()) != 0) return ErrnoError(errno, "sync layer");
  std::string target = LayerPath(unpacked.diff_id);
  if (::rename(tree.c_str(), target.c_str()) != 0 && errno != EEXIST && errno != ENOTEMPTY) {
    return ErrnoError(errno, "rename layer");
  }
  TRY_STATUS(linux::Sync(root_.get(), "layers"));
  return unpacked.diff_id;
}

Result<StoredImage> ImageStore::AddImage(const std::string& config_text, const ImageReference* name,
                                         const std::string& manifest_digest,
                                         int64_t size_bytes) const {
  TRY(ParsedConfig parsed, ParseConfig(config_text));
  TRY(std::string id, WriteBlob(config_text));
  TRY(linux::FileLock lock, Lock());
  for (const std::string& diff_id : parsed.diff_ids) {
    if (!HasLayer(diff_id)) return MakeError(Reason::kInvalid, "layer " + diff_id + " is missing");
  }
  TRY(auto images, Load());
  auto found = std::ranges::find_if(images, [&](const auto& s) { return s.image.id == id; });
  StoredImage stored;
  if (found != images.end()) stored = *found;
  stored.image.id = id;
  stored.image.config = parsed.config;
  stored.image.size_bytes = size_bytes;
  stored.diff_ids = parsed.diff_ids;
  if (name != nullptr) {
    std::string repository = name->registry + "/" + name->repository;
    if (!name->tag.empty()) {
      std::string tag = repository + ":" + name->tag;
      for (StoredImage& other : images) EraseValue(other.image.repo_tags, tag);
      AddValue(stored.image.repo_tags, tag);
    }
    if (!manifest_digest.empty()) {
      AddValue(stored.image.repo_digests, repository + "@" + manifest_digest);
    }
    if (!name->digest.empty()) AddValue(stored.image.repo_digests, repository + "@" + name->digest);
  }
  std::erase_if(images, [&](const StoredImage& s) {
    return s.image.id == id || (s.image.repo_tags.empty() && s.image.repo_digests.empty());
  });
  images.push_back(stored);
  TRY_STATUS(Save(images));
  return stored;
}

Status ImageStore::Remove(const std::string& reference) const {
  {
    TRY(linux::FileLock lock, Lock());
    TRY(auto images, Load());
    std::string name = Canonical(reference);
    auto found = std::ranges::find_if(images, [&](const auto& s) { return Names(s.image, name); });
    if (found == images.end()) return Ok();
    Image& image = found->image;
    if (image.id != name) {
      EraseValue(image.repo_tags, name);
      EraseValue(image.repo_digests, name);
    }
    if (image.id == name || image.repo_tags.empty()) images.erase(found);
    TRY_STATUS(Save(images));
  }
  return CollectGarbage();
}

Status ImageStore::Lease(const std::string& owner, const StoredImage& image) const {
  std::string text;
  for (const std::string& diff_id : image.diff_ids) text += diff_id + "\n";
  // Whoever collects garbage has read all leases; its verdict may just be carried out.
  TRY(linux::FileLock lock, Lock());
  for (const std::string& diff_id : image.diff_ids) {
    if (HasLayer(diff_id)) continue;
    return MakeError(Reason::kNotFound, "layer " + diff_id + " of the image has been removed");
  }
  TRY(Fd leases, linux::OpenDirectory(root_.get(), "leases"));
  return linux::ReplaceFile(leases.get(), owner, text, 0600, linux::Durability::kPageCache);
}

Status ImageStore::Release(const std::string& owner) const {
  if (::unlinkat(root_.get(), ("leases/" + owner).c_str(), 0) != 0 && errno != ENOENT) {
    return ErrnoError(errno, "release the layers of '" + owner + "'");
  }
  return Ok();
}

Result<std::vector<std::string>> ImageStore::LeaseOwners() const {
  std::vector<std::string> owners;
  TRY_STATUS(linux::ForEachEntry(root_.get(), "leases",
                                 [&](const std::string& name, unsigned char) -> Status {
                                   if (!name.ends_with(".new")) owners.push_back(name);
                                   return Ok();
                                 }));
  return owners;
}

Status ImageStore::CollectGarbage() const {
  {
    TRY(linux::FileLock lock, Lock());
    TRY_STATUS(SetUnusedAside());
  }
  return RemoveAbandoned();
}

Status ImageStore::SetUnusedAside() const {
  TRY(auto images, Load());
  std::set<std::string> used;
  for (const StoredImage& stored : images) {
    TRY(std::string config, DigestHex(stored.image.id));
    used.insert(config);
    for (const std::string& diff_id : stored.diff_ids) used.insert(diff_id.substr(7));
    for (const std::string& name : stored.image.repo_digests) {
      used.insert(name.substr(name.find_last_of(':') + 1));
    }
  }
  TRY(auto owners, LeaseOwners());
  for (const std::string& owner : owners) {
    auto text = linux::ReadFile(root_.get(), "leases/" + owner);
    if (!text.ok()) continue;
    for (size_t begin = 0; begin < text->size();) {
      size_t end = std::min(text->find('\n', begin), text->size());
      if (auto hex = DigestHex(text->substr(begin, end - begin)); hex.ok()) used.insert(*hex);
      begin = end + 1;
    }
  }
  // A young layer may belong to an image that is being put together by somebody else.
  constexpr int64_t kGraceSeconds = 600;
  int64_t now = ::time(nullptr);
  for (const char* folder : {"layers", "blobs/sha256"}) {
    TRY(Fd directory, linux::OpenAt(root_.get(), folder, O_RDONLY | O_DIRECTORY));
    int fd = directory.get();
    TRY_STATUS(linux::ForEachEntry(fd, ".", [&](const std::string& name, unsigned char) -> Status {
      if (used.contains(name)) return Ok();
      struct stat info{};
      if (::fstatat(fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return Ok();
      if (now - info.st_ctim.tv_sec < kGraceSeconds) return Ok();
      std::string path = std::string(folder) + "/" + name;
      std::string aside = "staging/unused-" + name;
      TRY_STATUS(linux::RemoveTree(root_.get(), aside));
      if (::renameat(root_.get(), path.c_str(), root_.get(), aside.c_str()) != 0) {
        return ErrnoError(errno, "set '" + path + "' aside");
      }
      return Ok();
    }));
  }
  return Ok();
}

}  // namespace wherry::nodeagent::images
