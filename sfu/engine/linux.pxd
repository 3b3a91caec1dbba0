# What the packet thread asks of Linux. Names and meanings as in the manual pages (section 2).
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "<time.h>" nogil:
    ctypedef int clockid_t
    cdef struct timespec:
        long tv_sec
        long tv_nsec
    int clock_gettime(clockid_t clock, timespec *time)
    clockid_t CLOCK_MONOTONIC
    clockid_t CLOCK_THREAD_CPUTIME_ID

cdef extern from "<unistd.h>" nogil:
    int close(int fd)
    ssize_t read(int fd, void *buffer, size_t length)
    ssize_t write(int fd, const void *buffer, size_t length)
    long syscall(long number, ...)

cdef extern from "<sys/uio.h>" nogil:
    cdef struct iovec:
        void *iov_base
        size_t iov_len

cdef extern from "<sys/socket.h>" nogil:
    ctypedef uint32_t socklen_t
    cdef struct sockaddr:
        uint16_t sa_family
    cdef struct msghdr:
        void *msg_name
        socklen_t msg_namelen
        iovec *msg_iov
        size_t msg_iovlen
        void *msg_control
        size_t msg_controllen
        int msg_flags
    cdef struct mmsghdr:
        msghdr msg_hdr
        unsigned int msg_len
    cdef struct cmsghdr:
        size_t cmsg_len
        int cmsg_level
        int cmsg_type
    size_t CMSG_LEN(size_t length)
    size_t CMSG_SPACE(size_t length)
    unsigned char *CMSG_DATA(cmsghdr *message)
    int recvmmsg(int fd, mmsghdr *slots, unsigned int count, int flags, timespec *timeout)
    int sendmmsg(int fd, mmsghdr *slots, unsigned int count, int flags)
    ssize_t sendmsg(int fd, const msghdr *message, int flags)
    ssize_t recv(int fd, void *buffer, size_t length, int flags)
    int accept4(int fd, sockaddr *name, socklen_t *length, int flags)
    int socketpair(int family, int type, int protocol, int fds[2])
    int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
    int AF_INET, AF_INET6, AF_UNIX
    int SOCK_SEQPACKET, SOCK_NONBLOCK, SOCK_CLOEXEC
    int SOL_SOCKET, SO_SNDBUF, SO_RCVBUF, SO_SNDBUFFORCE, SO_RCVBUFFORCE
    int MSG_DONTWAIT, MSG_NOSIGNAL, MSG_TRUNC

cdef extern from "<netinet/in.h>" nogil:
    cdef struct in_addr:
        uint32_t s_addr
    cdef struct in6_addr:
        uint8_t s6_addr[16]
    cdef struct sockaddr_in:
        uint16_t sin_family
        uint16_t sin_port
        in_addr sin_addr
    cdef struct sockaddr_in6:
        uint16_t sin6_family
        uint16_t sin6_port
        uint32_t sin6_flowinfo
        in6_addr sin6_addr
        uint32_t sin6_scope_id
    int IPPROTO_TCP
    uint16_t htons(uint16_t value)
    uint16_t ntohs(uint16_t value)

cdef extern from "<netinet/tcp.h>" nogil:
    int TCP_NODELAY, TCP_NOTSENT_LOWAT, TCP_USER_TIMEOUT

cdef extern from "<poll.h>" nogil:
    cdef struct pollfd:
        int fd
        short events
        short revents
    int ppoll(pollfd *fds, unsigned long count, const timespec *timeout, const void *mask)
    short POLLIN, POLLOUT

cdef extern from "<sys/epoll.h>" nogil:
    ctypedef union epoll_data_t:
        uint64_t u64
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epoll_fd, int operation, int fd, epoll_event *event)
    int epoll_wait(int epoll_fd, epoll_event *events, int count, int timeout_ms)
    int EPOLL_CLOEXEC, EPOLL_CTL_ADD, EPOLL_CTL_MOD
    uint32_t EPOLLIN, EPOLLOUT

cdef extern from "<sys/eventfd.h>" nogil:
    int eventfd(unsigned int value, int flags)
    int EFD_NONBLOCK, EFD_CLOEXEC

cdef extern from "<signal.h>" nogil:
    ctypedef struct sigset_t:
        pass
    int sigfillset(sigset_t *set)
    int SIG_SETMASK

cdef extern from "<pthread.h>" nogil:
    ctypedef unsigned long pthread_t
    int pthread_create(pthread_t *thread, const void *attributes, void *(*run)(void *) noexcept nogil, void *argument)
    int pthread_join(pthread_t thread, void **result)
    int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
    int pthread_getcpuclockid(pthread_t thread, clockid_t *clock)
    int pthread_setname_np(pthread_t thread, const char *name)

cdef extern from "<semaphore.h>" nogil:
    ctypedef struct sem_t:
        pass
    int sem_init(sem_t *semaphore, int shared, unsigned int value)
    int sem_post(sem_t *semaphore)
    int sem_wait(sem_t *semaphore)
    int sem_destroy(sem_t *semaphore)

cdef enum:
    SOL_UDP = 17                # <netinet/udp.h> and <linux/udp.h> do not go together everywhere
    UDP_SEGMENT = 103


cdef inline int64_t monotonic_us() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * 1000000 + now.tv_nsec // 1000


cdef inline int enlarge_buffers(int fd, int bytes) noexcept nogil:
    """Best effort: beyond the system's limit only with the capability for it."""
    if setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0:
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes))
    if setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0:
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes))
    return 0
