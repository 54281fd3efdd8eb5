#pragma once

#include "lib/client/api_client.h"
#include "lib/loop/sync.h"
#include "lib/loop/task_scope.h"
#include "lib/loop/world.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace wherry::client {

// "namespace/name", or "name" for cluster-scoped objects. Source: client-go
// cache.MetaNamespaceKeyFunc.
std::string KeyOf(const google::protobuf::Message& object);
std::string KeyOf(std::string_view ns, std::string_view name);

// A local copy of one kind, kept current by list + watch, with callbacks per change. client-go's
// shared informer.
//
// Loop thread. Objects are shared and immutable: copy before changing. After an error it re-watches
// or re-lists with jittered exponential back-off (800 ms to 30 s), and the callbacks see the
// difference, deletions included.
class Informer {
 public:
  struct Handlers {
    // `old_object` is null on the first sight of an object.
    std::function<void(const MessagePtr& old_object, const MessagePtr& object)> on_change;
    std::function<void(const MessagePtr& object)> on_delete;
  };
  // Names an index: the keys under which an object is found in it ("by node" -> {spec.nodeName}).
  using IndexFunction = std::function<std::vector<std::string>(const google::protobuf::Message&)>;

  Informer(World& world, ApiClient& client, const api::KindInfo& kind, std::string ns = "",
           ListOptions selectors = {});
  ~Informer();

  // Before Start.
  void AddHandlers(Handlers handlers);
  void AddIndex(std::string name, IndexFunction function);
  void Start();

  // The first list has been delivered to the handlers.
  bool HasSynced() const;
  Task<void> WaitForSync();

  // Null when absent.
  MessagePtr Get(std::string_view key) const;
  std::vector<MessagePtr> List() const;
  std::vector<MessagePtr> ByIndex(std::string_view index, std::string_view value) const;
  size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Typed view: `Lister<core::v1::Pod> pods(informer)`. T must be complete where the methods are
// called.
template <typename T>
class Lister {
 public:
  explicit Lister(const Informer& informer) : informer_(informer) {}
  std::shared_ptr<const T> Get(std::string_view ns, std::string_view name) const {
    return std::static_pointer_cast<const T>(informer_.Get(KeyOf(ns, name)));
  }
  std::vector<std::shared_ptr<const T>> List() const { return Cast(informer_.List()); }
  std::vector<std::shared_ptr<const T>> ByIndex(std::string_view index,
                                                std::string_view value) const {
    return Cast(informer_.ByIndex(index, value));
  }

 private:
  static std::vector<std::shared_ptr<const T>> Cast(std::vector<MessagePtr> messages) {
    std::vector<std::shared_ptr<const T>> typed;
    typed.reserve(messages.size());
    for (auto& message : messages)
      typed.push_back(std::static_pointer_cast<const T>(std::move(message)));
    return typed;
  }
  const Informer& informer_;
};

}  // namespace wherry::client
