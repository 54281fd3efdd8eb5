#pragma once

namespace wherry::api::core::v1 {
class Node;
class Pod;
}  // namespace wherry::api::core::v1

// Which changes of objects matter to scheduling. Pure.
namespace wherry::scheduler {

// What scheduling depends on has changed; status and resourceVersion alone do not count.
bool ChangedForScheduling(const api::core::v1::Pod& before, const api::core::v1::Pod& after);

// A change of a node that may make room (`before` is null for a new one); heartbeats do not.
bool MayMakeRoom(const api::core::v1::Node* before, const api::core::v1::Node& after);

}  // namespace wherry::scheduler
