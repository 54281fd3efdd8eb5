#include "scheduler/changes.h"

#include "lib/api/same_labels.h"
#include "proto/api/core/v1.pb.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

namespace wherry::scheduler {

namespace core = api::core::v1;

namespace {

// Maps in the same order each time: equal messages give equal bytes.
std::string Bytes(const google::protobuf::MessageLite& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializePartialToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

}  // namespace

bool ChangedForScheduling(const core::Pod& before, const core::Pod& after) {
  return before.metadata().deletiontimestamp().seconds() !=
             after.metadata().deletiontimestamp().seconds() ||
         !api::SameLabels(before.metadata().labels(), after.metadata().labels()) ||
         Bytes(before.spec()) != Bytes(after.spec());
}

bool MayMakeRoom(const core::Node* before, const core::Node& after) {
  if (before == nullptr) return true;
  auto same_allocatable = [&] {
    const auto& old_amounts = before->status().allocatable();
    const auto& amounts = after.status().allocatable();
    return old_amounts.size() == amounts.size() &&
           std::all_of(amounts.begin(), amounts.end(), [&](const auto& amount) {
             auto old = old_amounts.find(amount.first);
             return old != old_amounts.end() && old->second.string() == amount.second.string();
           });
  };
  return Bytes(before->spec()) != Bytes(after.spec()) ||
         !api::SameLabels(before->metadata().labels(), after.metadata().labels()) ||
         !same_allocatable();
}

}  // namespace wherry::scheduler
