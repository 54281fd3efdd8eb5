#pragma once

#include "scheduler/framework/image_index.h"
#include "scheduler/framework/plugin.h"

namespace wherry::scheduler::plugins {

// ImageLocality: prefers nodes that have the images, the larger the more, spread-out images more
// than rare ones.
std::unique_ptr<framework::Plugin> MakeImageLocality(const framework::ImageIndex& images);

}  // namespace wherry::scheduler::plugins
