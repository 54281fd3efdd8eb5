#pragma once

#include "scheduler/framework/affinity_index.h"
#include "scheduler/framework/image_index.h"
#include "scheduler/framework/sibling_index.h"

namespace wherry::scheduler::framework {

// What rules need to know of the whole cluster without walking it for each pod. The cache keeps
// them equal to its nodes and pods.
struct Indexes {
  AffinityIndex affinity;
  SiblingIndex siblings;
  ImageIndex images;
};

}  // namespace wherry::scheduler::framework
