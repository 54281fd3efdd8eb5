#pragma once

namespace wherry::nodeagent::init {

// What a supervisor is called in /proc/<pid>/comm.
inline constexpr const char* kSupervisorName = "wherry-pod";

}  // namespace wherry::nodeagent::init
