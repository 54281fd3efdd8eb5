#pragma once

#include "apiserver/authz/node_references.h"
#include "apiserver/registry/object_stream.h"
#include "apiserver/registry/store.h"
#include "lib/loop/task.h"
#include "lib/loop/task_scope.h"

#include <memory>
#include <string>

namespace wherry::apiserver {

// Tells the index of what nodes may read of every pod and PersistentVolume.
//
// Its watches are opened before any client's, and are told first: whoever has seen a pod on a node
// finds it in the index. After a watch that broke, the index is built anew beside the old one,
// which holds until then. Loop thread; store and references outlive it.
class ReferenceFollower {
 public:
  ReferenceFollower(registry::Store& store, authz::NodeReferences& references);
  // When it returns, the index holds what there is; it goes on until this is destroyed.
  Task<void> Start();

 private:
  // What is done with the objects of one kind.
  struct Kind {
    const registry::Resource* resource;
    void (*set)(authz::NodeReferences&, const registry::Message&);
    void (*remove)(authz::NodeReferences&, const std::string& ns, const std::string& name);
    void (authz::NodeReferences::*take)(authz::NodeReferences&&);
  };

  static void TakeOne(const Kind& kind, const registry::ObjectStream::Item& item,
                      authz::NodeReferences& references);
  Task<void> Take(const Kind& kind, const registry::ObjectStream::Batch& batch);
  Task<void> Follow(const Kind& kind, std::unique_ptr<registry::ObjectStream> stream);

  registry::Store& store_;
  authz::NodeReferences& references_;
  Kind pods_;
  Kind volumes_;
  TaskScope tasks_;
};

}  // namespace wherry::apiserver
