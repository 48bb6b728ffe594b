// recv and send of a connection without what glibc does for pthread_cancel: in a program with threads two atomic
// operations around each system call. Nobody cancels our threads.
#pragma once

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstddef>

namespace runtime {

// As recv() without flags; -1 with errno.
inline ssize_t receive_bytes(int fd, void* buffer, std::size_t size) {
  return syscall(SYS_recvfrom, fd, buffer, size, 0, nullptr, nullptr);
}

// As send() with MSG_NOSIGNAL; -1 with errno.
inline ssize_t send_bytes(int fd, const void* bytes, std::size_t size) {
  return syscall(SYS_sendto, fd, bytes, size, MSG_NOSIGNAL, nullptr, 0);
}

}  // namespace runtime
