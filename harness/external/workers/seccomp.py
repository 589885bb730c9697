"""System calls that the kernel refuses to a worker for good: a filter of seccomp (Linux on x86-64 and ARM64).

No process is started, traced or signalled by any of its threads, whoever it belongs to: what limits of
processes don't bind, as root, this does. Code that is a program of its own (`alone`) reaches no other process
in any way, and changes no file that it doesn't write itself. Imports no harness. The numbers are those of the
kernel's tables of system calls and of linux/seccomp.h (certain).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable

_X86 = """clone 56 fork 57 vfork 58 execve 59 kill 62 ptrace 101 socket 41 add_key 248 request_key 249
keyctl 250 unshare 272 perf_event_open 298 setns 308 process_vm_readv 310 process_vm_writev 311 seccomp 317
memfd_create 319 bpf 321 execveat 322 userfaultfd 323
shmget 29 shmat 30 connect 42 sendto 44 sendmsg 46 bind 49 semget 64 msgget 68 truncate 76 chmod 90 fchmod 91
chown 92 fchown 93 lchown 94 rt_sigqueueinfo 129 utime 132 mknod 133 setpriority 141 sched_setparam 142
sched_setscheduler 144 pivot_root 155 prctl 157 setrlimit 160 chroot 161 mount 165 umount2 166 setxattr 188
lsetxattr 189 fsetxattr 190 removexattr 197 lremovexattr 198 fremovexattr 199 tkill 200 sched_setaffinity 203
tgkill 234 utimes 235 mq_open 240 ioprio_set 251 inotify_init 253 migrate_pages 256 mknodat 259 fchownat 260
futimesat 261 fchmodat 268 move_pages 279 utimensat 280 inotify_init1 294 rt_tgsigqueueinfo 297
fanotify_init 300 prlimit64 302 open_by_handle_at 304 sendmmsg 307 kcmp 312 sched_setattr 314"""
_ARM = """clone 220 execve 221 kill 129 ptrace 117 socket 198 add_key 217 request_key 218 keyctl 219
unshare 97 perf_event_open 241 setns 268 process_vm_readv 270 process_vm_writev 271 seccomp 277
memfd_create 279 bpf 280 execveat 281 userfaultfd 282
setxattr 5 lsetxattr 6 fsetxattr 7 removexattr 14 lremovexattr 15 fremovexattr 16 inotify_init1 26
ioprio_set 30 mknodat 33 umount2 39 mount 40 pivot_root 41 truncate 45 chroot 51 fchmod 52 fchmodat 53
fchownat 54 fchown 55 utimensat 88 sched_setparam 118 sched_setscheduler 119 sched_setaffinity 122 tkill 130
tgkill 131 rt_sigqueueinfo 138 setpriority 140 setrlimit 164 prctl 167 mq_open 180 msgget 186 semget 190
shmget 194 shmat 196 bind 200 connect 203 sendto 206 sendmsg 211 migrate_pages 238 move_pages 239
rt_tgsigqueueinfo 240 prlimit64 261 fanotify_init 262 open_by_handle_at 265 sendmmsg 269 kcmp 272
sched_setattr 274"""
#: the same everywhere
_NEWER = """pidfd_send_signal 424 io_uring_setup 425 open_tree 428 move_mount 429 fsopen 430 pidfd_open 434
clone3 435 pidfd_getfd 438 process_madvise 440 mount_setattr 442 fchmodat2 452 setxattrat 463
removexattrat 466 open_tree_attr 467 file_setattr 469"""
#: by machine: how the kernel calls it, and its system calls
_MACHINES = {"x86_64": (0xC000003E, _X86), "aarch64": (0xC00000B7, _ARM)}
#: what starts, traces or signals processes, keeps memory that no limit counts, or opens a way out
REFUSED = """fork vfork execve execveat kill ptrace process_vm_readv process_vm_writev pidfd_open
pidfd_send_signal pidfd_getfd memfd_create io_uring_setup userfaultfd bpf perf_event_open add_key request_key
keyctl unshare setns socket""".split()
#: what else reaches other processes, watches files, or changes files of others, whom they may belong to
REFUSED_ALONE = """shmget shmat semget msgget mq_open connect bind sendmsg sendmmsg truncate chmod fchmod
fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat mknod
mknodat setxattr lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr
removexattrat file_setattr chroot pivot_root mount umount2 open_tree open_tree_attr
move_mount fsopen mount_setattr open_by_handle_at inotify_init inotify_init1 fanotify_init
tkill rt_sigqueueinfo rt_tgsigqueueinfo kcmp move_pages migrate_pages process_madvise
setrlimit setpriority ioprio_set sched_setparam sched_setscheduler sched_setattr
sched_setaffinity prctl""".split()

_LOAD, _EQUAL, _AT_LEAST, _HAS_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
#: places in `struct seccomp_data`: the call's number, the machine, the first argument's lower half
_NUMBER, _MACHINE, _FIRST, _FIFTH = 0, 4, 16, 48
_ALLOW, _KILL = (_RETURN, 0, 0, 0x7FFF0000), (_RETURN, 0, 0, 0x80000000)
_REFUSE, _MISSING = (_RETURN, 0, 0, 0x00050000 | 1), (_RETURN, 0, 0, 0x00050000 | 38)  # EPERM, ENOSYS
_A_THREAD, _X32 = 0x00010000, 0x40000000
_NO_NEW_PRIVILEGES, _FILTER, _ALL_THREADS = 38, 1, 1
#: code, steps to pass over where true and where false, constant
_Step = tuple[int, int, int, int]


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_ushort),
        ("jt", ctypes.c_ubyte),
        ("jf", ctypes.c_ubyte),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.POINTER(_Instruction)))


def no_processes(alone: bool = False) -> bool:
    """From now on no thread of this process can start a process or reach into one; whether the kernel sees to
    it. Threads are started as before: `clone3`, whose flags a filter can't read, is said not to be there, and
    C's library then takes `clone`. Calls by another machine's numbers end the process.

    Args:
        alone: refuse `REFUSED_ALONE` too, and leave calls that may name another process, or an address, for
            this process and no address alone.
    """
    if sys.platform != "linux" or sys.maxsize < 2**32 or os.uname().machine not in _MACHINES:
        return False
    mark, table = _MACHINES[os.uname().machine]
    words = f"{table} {_NEWER}".split()
    calls = dict(zip(words[::2], map(int, words[1::2]), strict=True))
    program: list[_Step] = [
        *((_LOAD, 0, 0, _MACHINE), (_EQUAL, 1, 0, mark), _KILL),
        *((_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32), _MISSING),
        *_either(calls, REFUSED, _REFUSE),
        *_either(calls, ["clone3"], _MISSING),
        *(_either(calls, REFUSED_ALONE, _REFUSE) if alone else []),
        *(_only(calls["tgkill"], _FIRST, os.getpid()) if alone else []),
        *(_only(calls["prlimit64"], _FIRST, 0) if alone else []),
        *(_only(calls["sendto"], _FIFTH, 0) + _only(calls["sendto"], _FIFTH + 4, 0) if alone else []),
        *(
            (_EQUAL, 0, 4, calls["clone"]),
            (_LOAD, 0, 0, _FIRST),
            (_HAS_BIT, 1, 0, _A_THREAD),
            _REFUSE,
            _ALLOW,
        ),
        _ALLOW,
    ]
    made = (_Instruction * len(program))(*(_Instruction(*step) for step in program))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    whole = _Program(len(program), made)
    return bool(libc.syscall(calls["seccomp"], _FILTER, _ALL_THREADS, ctypes.byref(whole)) == 0)


def _either(calls: dict[str, int], names: Iterable[str], then: _Step) -> list[_Step]:
    """What happens at any of the calls."""
    return [step for name in names if name in calls for step in ((_EQUAL, 0, 1, calls[name]), then)]


def _only(call: int, place: int, value: int) -> list[_Step]:
    """A call goes on where a half of an argument has this value, and is refused elsewhere."""
    return [
        *((_LOAD, 0, 0, _NUMBER), (_EQUAL, 0, 3, call)),
        *((_LOAD, 0, 0, place), (_EQUAL, 1, 0, value), _REFUSE),
        (_LOAD, 0, 0, _NUMBER),
    ]
