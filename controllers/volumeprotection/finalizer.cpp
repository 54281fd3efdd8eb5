#include "controllers/volumeprotection/finalizer.h"

#include "controllers/objects/pod_state.h"
#include "lib/api/object_meta.h"
#include "proto/api/meta/v1.pb.h"

#include <algorithm>
#include <memory>

namespace wherry::controllers::volumeprotection {

namespace {

std::shared_ptr<google::protobuf::Message> Copy(const google::protobuf::Message& object) {
  std::shared_ptr<google::protobuf::Message> copy(object.New());
  copy->CopyFrom(object);
  return copy;
}

Task<Status> Write(client::ApiClient& client, client::MessagePtr object) {
  auto updated = co_await client.Update(std::move(object));
  if (updated.ok() || updated.error().reason == Reason::kConflict ||
      updated.error().reason == Reason::kNotFound) {
    co_return Ok();
  }
  co_return std::move(updated).error();
}

}  // namespace

Step NextStep(const metav1::ObjectMeta& metadata, std::string_view finalizer) {
  const auto& present = metadata.finalizers();
  const bool has = std::find(present.begin(), present.end(), finalizer) != present.end();
  if (IsBeingDeleted(metadata)) return has ? Step::kRemoveUnlessUsed : Step::kNothing;
  return has ? Step::kNothing : Step::kAdd;
}

Task<Status> AddFinalizer(client::ApiClient& client, client::MessagePtr object,
                          std::string_view finalizer) {
  auto copy = Copy(*object);
  api::MutableMetaOf(copy.get())->add_finalizers(std::string(finalizer));
  return Write(client, std::move(copy));
}

Task<Status> RemoveFinalizer(client::ApiClient& client, client::MessagePtr object,
                             std::string_view finalizer) {
  auto copy = Copy(*object);
  auto& present = *api::MutableMetaOf(copy.get())->mutable_finalizers();
  present.erase(std::remove(present.begin(), present.end(), finalizer), present.end());
  return Write(client, std::move(copy));
}

}  // namespace wherry::controllers::volumeprotection
