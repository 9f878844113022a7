"""Gives the engine the address under which replicas ask it for parts. Without one its
replicated tables stay read-only, and the program around the engine is what gives it; the
library has no call for that. So the function of it that tells the address, which would
find none, is replaced in memory by one that returns what is given.

This is for the library's build for amd64: `Context::getInterserverIOAddress` is
known by its first instructions, and a build in which they are not there is refused.
Nobody listens at the address: parts are fetched from nobody."""

import ctypes
import re
import struct

# push r14; push rbx; sub rsp, 72; mov r14, [rsi]; movsx rcx, byte [r14 + the end of the host]
BEGINS = bytes.fromhex("4156534883ec484c8b36490fbe8e67010000")
PAGE = 4096


def give(host, port):
    """Makes the function return a pair of a string of up to 22 bytes and a number."""
    text = host.encode().ljust(23, b"\0") + bytes([len(host)])
    code = b""
    for at in 0, 8, 16:  # mov rax, text; mov [rdi + at], rax
        code += b"\x48\xb8" + text[at : at + 8] + b"\x48\x89\x47" + bytes([at])
    code += b"\x66\xc7\x47\x18" + struct.pack("<H", port)  # mov word [rdi + 24], port
    code += b"\x48\x89\xf8\xc3"  # mov rax, rdi; ret
    start = where()
    page = start // PAGE * PAGE
    read_write_execute = 7
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(2 * PAGE), read_write_execute):
        raise OSError(ctypes.get_errno(), "the engine's code cannot be changed")
    ctypes.memmove(start, code, len(code))


def where():
    """Tells where the function lies."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            m = re.match(r"([0-9a-f]+)-([0-9a-f]+) r-x.*/_chdb\.abi3\.so$", line)
            if not m:
                continue
            low, high = int(m[1], 16), int(m[2], 16)
            code = ctypes.string_at(low, high - low)
            if code.count(BEGINS) == 1:
                return low + code.index(BEGINS)
    raise RuntimeError("this build of the engine does not have the code that tells its address where it is known")
