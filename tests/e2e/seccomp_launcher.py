"""seccomp_launcher: runs a command that may make only the system calls an edge needs; all others are EPERM.

All of them are in systemd's @system-service, and none in @privileged, @resources, @mount, @module, @ptrace or @swap but
prlimit64, by which the edge raises its own soft limit of open files, and sched_setscheduler, by which the access log's
thread steps back behind the workers.
"""

import errno
import os
import sys

import seccomp

EVERY_PROCESS = """
    read write pread64 pwrite64 readv writev close lseek fstat newfstatat stat lstat statx access faccessat faccessat2
    openat open readlink readlinkat getcwd ioctl fcntl dup dup2 dup3 pipe pipe2
    mmap munmap mprotect mremap madvise brk
    rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack
    futex set_robust_list get_robust_list set_tid_address rseq arch_prctl prctl membarrier
    clone clone3 exit exit_group wait4 gettid getpid getppid tgkill sched_yield sched_getaffinity sched_setscheduler
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday restart_syscall
    getuid geteuid getgid getegid getresuid getresgid uname sysinfo getrandom getrlimit prlimit64 getrusage
    getdents64 poll ppoll
"""
SOCKETS = """
    socket bind listen accept4 connect getsockname getpeername getsockopt setsockopt shutdown
    sendto sendmsg recvfrom recvmsg epoll_create1 epoll_ctl epoll_wait epoll_pwait eventfd2 signalfd4
    inotify_init1 inotify_add_watch inotify_rm_watch umask
"""
STORE = "fsync fdatasync ftruncate fallocate unlink unlinkat rename renameat renameat2 fchown fchmod chmod mkdir"
# Before the edge is there: giving privileges up, and the exec itself.
LAUNCH = "execve setuid setgid setgroups setresuid setresgid capget capset"


def confine() -> None:
    rules = seccomp.SyscallFilter(seccomp.ERRNO(errno.EPERM))
    for name in f"{EVERY_PROCESS} {SOCKETS} {STORE} {LAUNCH}".split():
        rules.add_rule(seccomp.ALLOW, name)
    rules.load()


if __name__ == "__main__":
    confine()
    os.execvp(sys.argv[1], sys.argv[1:])
