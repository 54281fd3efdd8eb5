#pragma once

#include <map>
#include <string>
#include <vector>

namespace wherry::nodeagent::images {

// A small image with two layers, as the documents and blobs that a registry or an OCI layout holds.
struct SampleImage {
  std::vector<std::string> layers;  // as they travel: the first plain, the second gzip
  std::string config;
  std::string manifest;
  std::string index;                         // offers the manifest for this machine and another
  std::map<std::string, std::string> blobs;  // by digest: layers, config, manifest
  std::string manifest_digest;
  std::string index_digest;
};
// `marker` makes images differ.
SampleImage MakeSampleImage(const std::string& marker);

std::string Gzip(const std::string& bytes);

}  // namespace wherry::nodeagent::images
