#pragma once

#include "lib/http/message.h"
#include "lib/loop/world.h"
#include "nodeagent/images/image_service.h"
#include "nodeagent/images/image_store.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace wherry::nodeagent::images {

// The ImageService over an ImageStore. Loop thread. Images that another process brings in
// (`wherry image import`) are seen at the next call.
class NativeImageService : public ImageService {
 public:
  struct Options {
    std::string directory;                         // "<data-dir>/images"
    std::vector<std::string> insecure_registries;  // "HOST:PORT": plain http
  };
  // `transport` outlives it; it must take absolute targets ("https://…") and stream bodies.
  static Result<std::unique_ptr<NativeImageService>> Open(World& world, Options options,
                                                          http::RoundTripper& transport);

  // For the runtime, which shares it. Never null.
  const ImageStore& store() const { return *store_; }

  Result<Image> ImageStatus(const std::string& reference) const override;
  std::vector<Image> ListImages() const override;
  Task<Result<Image>> PullImage(std::string reference, std::optional<RegistryAuth> auth) override;
  Task<Result<Image>> ImportImage(std::string reference, std::string path) override;
  Task<Status> RemoveImage(std::string reference) override;
  // Removes what processes that were killed had begun to unpack.
  Task<Status> RemoveAbandoned();

 private:
  NativeImageService(World& world, Options options, http::RoundTripper& transport,
                     std::shared_ptr<const ImageStore> store);
  // The store's list, read again when it has changed.
  const std::vector<StoredImage>& Images() const;
  bool IsInsecure(const std::string& registry) const;

  struct Running;  // a pull that several callers wait for

  World& world_;
  Options options_;
  http::RoundTripper& transport_;
  std::shared_ptr<const ImageStore> store_;
  std::map<std::string, std::shared_ptr<Running>> running_;
  mutable std::string generation_;
  mutable std::vector<StoredImage> cached_;
};

}  // namespace wherry::nodeagent::images
