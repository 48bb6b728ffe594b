#include "net/send_progress.h"

// The kernel's own header: that of the C library ends before these members.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace runtime {

std::optional<SendProgress> send_progress(int fd) {
  tcp_info info = {};
  socklen_t size = sizeof(info);
  if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  // Older kernels tell less.
  if (size < offsetof(tcp_info, tcpi_busy_time) + sizeof(info.tcpi_busy_time)) return std::nullopt;
  return SendProgress{info.tcpi_bytes_acked, info.tcpi_busy_time};
}

}  // namespace runtime
