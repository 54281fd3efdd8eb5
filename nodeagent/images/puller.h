#pragma once

#include "lib/http/message.h"
#include "lib/loop/world.h"
#include "nodeagent/images/image_store.h"
#include "nodeagent/images/manifest.h"
#include "nodeagent/images/registry_client.h"

#include <memory>
#include <optional>
#include <string>

namespace wherry::nodeagent::images {

// Where a registry is: "docker.io" lives at registry-1.docker.io, `insecure` ones speak plain http.
std::string RegistryUrl(const std::string& registry, bool insecure);

// Pulls one image. Loop thread; hashing and unpacking go to World::blocking. Every document and
// blob is compared with the digest that named it before it is used; layers the store has are not
// fetched again. Errors are worded as containerd words them.
Task<Result<StoredImage>> PullImageInto(World& world, std::shared_ptr<const ImageStore> store,
                                        http::RoundTripper& transport, ImageReference reference,
                                        std::optional<RegistryAuth> auth, bool insecure);

}  // namespace wherry::nodeagent::images
