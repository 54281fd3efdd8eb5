#pragma once

#include "lib/loop/loop.h"
#include "nodeagent/images/image_service.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace wherry::nodeagent::eviction {

// How much to free: once 85 % of the file system are taken, what is above 80 %. Else 0. Pure.
int64_t ImageBytesToFree(int64_t capacity_bytes, int64_t available_bytes);

// Decides which images go when the disk fills: the least recently used first, the older of two;
// never one that a container has, one that has been here for less than two minutes, nor one without
// a registry's digest: it was imported and cannot be pulled again. Told regularly what is there,
// since use is what it has seen. Loop thread.
// Source: pkg/kubelet/images/image_gc_manager.go.
class ImageGarbage {
 public:
  // `in_use` are ids of images. Returns ids, in order, until they add up to `bytes_to_free`.
  std::vector<std::string> Choose(const std::vector<images::Image>& images,
                                  const std::set<std::string>& in_use, int64_t bytes_to_free,
                                  WallTime now);

 private:
  struct Record {
    WallTime first_seen;
    WallTime last_used;
  };
  std::map<std::string, Record> records_;  // by id
};

}  // namespace wherry::nodeagent::eviction
