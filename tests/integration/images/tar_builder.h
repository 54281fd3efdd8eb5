#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wherry::nodeagent::images {

// Writes ustar archives byte by byte, so that they can say what no honest tool would. Source:
// tar(5).
class TarBuilder {
 public:
  enum class Type : char {
    kFile = '0',
    kHardLink = '1',
    kSymlink = '2',
    kCharacterDevice = '3',
    kBlockDevice = '4',
    kDirectory = '5',
    kFifo = '6',
  };
  TarBuilder& Add(Type type, const std::string& path, std::string_view content = "",
                  const std::string& link = "", int mode = 0644);
  TarBuilder& File(const std::string& path, std::string_view content) {
    return Add(Type::kFile, path, content);
  }
  TarBuilder& Directory(const std::string& path) {
    return Add(Type::kDirectory, path, "", "", 0755);
  }
  TarBuilder& Symlink(const std::string& path, const std::string& target) {
    return Add(Type::kSymlink, path, "", target);
  }
  TarBuilder& HardLink(const std::string& path, const std::string& target) {
    return Add(Type::kHardLink, path, "", target);
  }
  // With the two empty blocks at the end.
  std::string Finish() const { return bytes_ + std::string(1024, '\0'); }

 private:
  std::string bytes_;
};

}  // namespace wherry::nodeagent::images
