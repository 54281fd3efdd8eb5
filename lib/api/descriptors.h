#pragma once

#include <span>

namespace google::protobuf {
class FileDescriptor;
}

namespace wherry::api {

// The proto files of the API, in group preference order: discovery lists groups, and unqualified
// resource names resolve, in this order. Source of the order: upstream's
// pkg/controlplane/instance.go and genericapiserver's group priorities.
std::span<const google::protobuf::FileDescriptor* const> ApiFiles();

}  // namespace wherry::api
