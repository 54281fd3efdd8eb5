#pragma once

#include "scheduler/framework/plugin.h"

namespace wherry::scheduler::plugins {

// NodeAffinity: nodeSelector and required node affinity forbid, preferred terms score.
std::unique_ptr<framework::Plugin> MakeNodeAffinity();

}  // namespace wherry::scheduler::plugins
