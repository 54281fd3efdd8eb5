#include "tests/integration/images/sample_image.h"

#include "nodeagent/images/digest.h"
#include "nodeagent/images/manifest.h"
#include "tests/integration/images/tar_builder.h"

#include <archive.h>
#include <archive_entry.h>

namespace wherry::nodeagent::images {
namespace {

std::string DescriptorText(const std::string& media_type, const std::string& blob,
                           const std::string& rest = "") {
  return R"({"mediaType":")" + media_type + R"(","digest":")" + Sha256Of(blob) + R"(","size":)" +
         std::to_string(blob.size()) + rest + "}";
}

}  // namespace

std::string Gzip(const std::string& bytes) {
  std::string out(bytes.size() + 4096, '\0');
  size_t used = 0;
  archive* writer = ::archive_write_new();
  ::archive_write_add_filter_gzip(writer);
  ::archive_write_set_format_raw(writer);
  ::archive_write_open_memory(writer, out.data(), out.size(), &used);
  archive_entry* entry = ::archive_entry_new();
  ::archive_entry_set_filetype(entry, AE_IFREG);
  ::archive_write_header(writer, entry);
  ::archive_write_data(writer, bytes.data(), bytes.size());
  ::archive_entry_free(entry);
  ::archive_write_close(writer);
  ::archive_write_free(writer);
  out.resize(used);
  return out;
}

SampleImage MakeSampleImage(const std::string& marker) {
  std::string lower = TarBuilder().Directory("etc").File("etc/marker", marker).Finish();
  std::string upper = TarBuilder().File("etc/upper", marker).File("etc/.wh.marker", "").Finish();
  SampleImage image{.layers = {lower, Gzip(upper)}};
  image.config =
      R"({"architecture":")" + HostPlatform().architecture +
      R"(","os":"linux","config":{"Cmd":["/run"],"User":"app"},"rootfs":{"type":"layers","diff_ids":[")" +
      Sha256Of(lower) + R"(",")" + Sha256Of(upper) + R"("]}})";
  image.manifest =
      R"({"schemaVersion":2,"config":)" +
      DescriptorText("application/vnd.oci.image.config.v1+json", image.config) + R"(,"layers":[)" +
      DescriptorText("application/vnd.oci.image.layer.v1.tar", image.layers[0]) + "," +
      DescriptorText("application/vnd.oci.image.layer.v1.tar+gzip", image.layers[1]) + "]}";
  const std::string type = "application/vnd.oci.image.manifest.v1+json";
  image.index = R"({"schemaVersion":2,"manifests":[)" +
                DescriptorText(type, "another machine's",
                               R"(,"platform":{"os":"linux","architecture":"s390x"})") +
                "," +
                DescriptorText(type, image.manifest,
                               R"(,"platform":{"os":"linux","architecture":")" +
                                   HostPlatform().architecture + "\"}") +
                "]}";
  for (const std::string& blob : {image.layers[0], image.layers[1], image.config, image.manifest}) {
    image.blobs[Sha256Of(blob)] = blob;
  }
  image.manifest_digest = Sha256Of(image.manifest);
  image.index_digest = Sha256Of(image.index);
  return image;
}

}  // namespace wherry::nodeagent::images
