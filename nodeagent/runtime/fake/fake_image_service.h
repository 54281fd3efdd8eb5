#pragma once

#include "lib/loop/world.h"
#include "nodeagent/images/image_service.h"

#include <chrono>
#include <map>
#include <set>
#include <string>

namespace wherry::nodeagent::runtime::fake {

// An image store without layers. Any reference can be pulled unless its repository's last part
// starts with "missing"; what was pulled or imported stays. Loop thread.
class FakeImageService : public images::ImageService {
 public:
  explicit FakeImageService(World& world,
                            std::chrono::nanoseconds pull_delay = std::chrono::milliseconds(5));

  Result<images::Image> ImageStatus(const std::string& reference) const override;
  std::vector<images::Image> ListImages() const override;
  Task<Result<images::Image>> PullImage(std::string reference,
                                        std::optional<images::RegistryAuth> auth) override;
  Task<Result<images::Image>> ImportImage(std::string reference, std::string path) override;
  Task<Status> RemoveImage(std::string reference) override;

  // Makes `reference` present, with this configuration.
  void Add(const std::string& reference, images::ImageConfig config = {});
  int pulls() const { return pulls_; }
  const std::optional<images::RegistryAuth>& last_auth() const { return last_auth_; }

 private:
  World& world_;
  std::chrono::nanoseconds pull_delay_;
  std::map<std::string, images::Image> images_;  // by reference as given
  int pulls_ = 0;
  std::optional<images::RegistryAuth> last_auth_;
};

}  // namespace wherry::nodeagent::runtime::fake
