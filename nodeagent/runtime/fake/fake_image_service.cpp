#include "nodeagent/runtime/fake/fake_image_service.h"

#include "lib/loop/sync.h"

#include <functional>

namespace wherry::nodeagent::runtime::fake {

namespace {

std::string FakeDigest(const std::string& reference) {
  std::string digest;
  uint64_t state = 1469598103934665603ULL;
  constexpr std::string_view kHex = "0123456789abcdef";
  for (size_t i = 0; digest.size() < 64; ++i) {
    const char byte = reference.empty() ? 'x' : reference[i % reference.size()];
    state = (state ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
    digest += kHex[(state >> 40) & 15];
  }
  return "sha256:" + digest;
}

}  // namespace

FakeImageService::FakeImageService(World& world, std::chrono::nanoseconds pull_delay)
    : world_(world), pull_delay_(pull_delay) {}

void FakeImageService::Add(const std::string& reference, images::ImageConfig config) {
  images::Image image;
  image.id = FakeDigest(reference);
  image.repo_tags = {reference};
  image.size_bytes = 1024;
  image.config = std::move(config);
  images_[reference] = std::move(image);
}

Result<images::Image> FakeImageService::ImageStatus(const std::string& reference) const {
  auto found = images_.find(reference);
  if (found == images_.end())
    return MakeError(Reason::kNotFound, "image '" + reference + "' not found");
  return found->second;
}

std::vector<images::Image> FakeImageService::ListImages() const {
  std::vector<images::Image> all;
  for (const auto& [reference, image] : images_) all.push_back(image);
  return all;
}

Task<Result<images::Image>> FakeImageService::PullImage(std::string reference,
                                                        std::optional<images::RegistryAuth> auth) {
  ++pulls_;
  last_auth_ = auth;
  co_await SleepFor(world_.loop, pull_delay_);
  const size_t slash = reference.rfind('/');
  const std::string last = slash == std::string::npos ? reference : reference.substr(slash + 1);
  if (last.starts_with("missing") || world_.faults.Fire("images.pull"))
    co_return MakeError(Reason::kNotFound, "pull '" + reference + "': manifest unknown");
  if (!images_.contains(reference)) {
    Add(reference);
    images::Image& image = images_[reference];
    image.repo_digests = {reference.substr(0, reference.rfind(':')) + "@" + image.id};
  }
  co_return images_[reference];
}

Task<Result<images::Image>> FakeImageService::ImportImage(std::string reference,
                                                          std::string /*path*/) {
  Add(reference);
  co_return images_[reference];
}

Task<Status> FakeImageService::RemoveImage(std::string reference) {
  std::erase_if(images_, [&reference](const auto& entry) {
    return entry.first == reference || entry.second.id == reference;
  });
  co_return Ok();
}

}  // namespace wherry::nodeagent::runtime::fake
