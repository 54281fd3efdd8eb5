#include "nodeagent/images/native_image_service.h"

#include "lib/loop/blocking.h"
#include "lib/loop/sync.h"
#include "nodeagent/images/digest.h"
#include "nodeagent/images/import.h"
#include "nodeagent/images/puller.h"

#include <algorithm>

namespace wherry::nodeagent::images {

// The first caller does the work. When it is cancelled, the next one who waits starts over.
struct NativeImageService::Running {
  explicit Running(Loop& loop) : ended(loop) {}
  std::optional<Result<Image>> result;
  bool abandoned = false;
  Notifier ended;
};

namespace {

// Marks the work as abandoned when its coroutine is destroyed before its end.
template <typename R>
class Leader {
 public:
  Leader(std::shared_ptr<R> running, std::function<void()> forget)
      : running_(std::move(running)), forget_(std::move(forget)) {}
  Leader(const Leader&) = delete;
  Leader& operator=(const Leader&) = delete;
  ~Leader() {
    if (!running_->result) running_->abandoned = true;
    forget_();
    running_->ended.Notify();
  }

 private:
  std::shared_ptr<R> running_;
  std::function<void()> forget_;
};

}  // namespace

NativeImageService::NativeImageService(World& world, Options options, http::RoundTripper& transport,
                                       std::shared_ptr<const ImageStore> store)
    : world_(world),
      options_(std::move(options)),
      transport_(transport),
      store_(std::move(store)) {}

Result<std::unique_ptr<NativeImageService>> NativeImageService::Open(
    World& world, Options options, http::RoundTripper& transport) {
  TRY(ImageStore store, ImageStore::Open(options.directory));
  auto shared = std::make_shared<const ImageStore>(std::move(store));
  return std::unique_ptr<NativeImageService>(
      new NativeImageService(world, std::move(options), transport, std::move(shared)));
}

const std::vector<StoredImage>& NativeImageService::Images() const {
  std::string generation = store_->Generation();
  if (generation != generation_ || generation.empty()) {
    auto list = store_->List();
    // A list that cannot be read is the old one: pods that run go on.
    if (list.ok()) {
      cached_ = std::move(*list);
      generation_ = generation;
    }
  }
  return cached_;
}

Result<Image> NativeImageService::ImageStatus(const std::string& reference) const {
  std::string name = reference;
  if (!DigestHex(reference).ok()) {
    TRY(ImageReference parsed, ParseImageReference(reference));
    if (!parsed.digest.empty()) parsed.tag.clear();
    name = parsed.ToString();
  }
  for (const StoredImage& stored : Images()) {
    const Image& image = stored.image;
    if (image.id == name || std::ranges::find(image.repo_tags, name) != image.repo_tags.end() ||
        std::ranges::find(image.repo_digests, name) != image.repo_digests.end()) {
      return image;
    }
  }
  return MakeError(Reason::kNotFound, "image \"" + reference + "\" not found");
}

std::vector<Image> NativeImageService::ListImages() const {
  std::vector<Image> images;
  for (const StoredImage& stored : Images()) images.push_back(stored.image);
  return images;
}

bool NativeImageService::IsInsecure(const std::string& registry) const {
  return std::ranges::find(options_.insecure_registries, registry) !=
         options_.insecure_registries.end();
}

Task<Result<Image>> NativeImageService::PullImage(std::string text,
                                                  std::optional<RegistryAuth> auth) {
  CO_TRY(ImageReference reference, ParseImageReference(text));
  std::string key =
      reference.ToString() + (auth ? "\n" + auth->username + "\n" + auth->password : "");
  for (auto found = running_.find(key); found != running_.end(); found = running_.find(key)) {
    std::shared_ptr<Running> running = found->second;
    while (!running->result && !running->abandoned) co_await running->ended.Wait();
    if (running->result) co_return *running->result;
  }
  auto running = std::make_shared<Running>(world_.loop);
  running_[key] = running;
  Leader<Running> leader(running, [this, key, running] {
    auto found = running_.find(key);
    if (found != running_.end() && found->second == running) running_.erase(found);
  });
  bool insecure = IsInsecure(reference.registry);
  auto pull =
      PullImageInto(world_, store_, transport_, std::move(reference), std::move(auth), insecure);
  auto pulled = co_await std::move(pull);
  if (pulled.ok()) {
    running->result.emplace(pulled->image);
  } else {
    running->result.emplace(pulled.error());
  }
  co_return *running->result;
}

Task<Result<Image>> NativeImageService::ImportImage(std::string text, std::string path) {
  std::optional<ImageReference> name;
  if (!text.empty()) {
    CO_TRY(ImageReference parsed, ParseImageReference(text));
    name = std::move(parsed);
  }
  auto job = [store = store_, name, path] {
    return ImportImageFrom(*store, name ? &*name : nullptr, path);
  };
  CO_TRY(StoredImage stored, co_await world_.blocking.Run(world_.loop, std::move(job)));
  co_return stored.image;
}

Task<Status> NativeImageService::RemoveImage(std::string reference) {
  auto job = [store = store_, reference] { return store->Remove(reference); };
  auto removed = co_await world_.blocking.Run(world_.loop, std::move(job));
  co_return removed;
}

Task<Status> NativeImageService::RemoveAbandoned() {
  auto job = [store = store_] { return store->RemoveAbandoned(); };
  auto removed = co_await world_.blocking.Run(world_.loop, std::move(job));
  co_return removed;
}

}  // namespace wherry::nodeagent::images
