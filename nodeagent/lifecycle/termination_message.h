#pragma once

#include <string>

namespace wherry::nodeagent::lifecycle {

struct TerminationMessageSource {
  std::string file;               // bound at terminationMessagePath
  std::string log;                // of the same attempt
  bool fallback_to_logs = false;  // FallbackToLogsOnError, and it failed
};

// What a container left as its last word: the end of the file (at most 4 KiB), or that of its log
// (80 lines, 2 KiB). "" when there is none. Blocking. Source: kuberuntime_container.go.
std::string ReadTerminationMessage(const TerminationMessageSource& source);

}  // namespace wherry::nodeagent::lifecycle
