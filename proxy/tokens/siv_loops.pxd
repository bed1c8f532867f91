# Types for Cython; see siv_loops.py.
cimport cython

cdef bint _COMPILED
cdef Py_ssize_t _BLOCK
cdef Py_ssize_t _PADDING
cdef bytes _ALPHABET

cdef bytes _cut(unsigned char* row, Py_ssize_t start, Py_ssize_t stop)
cdef Py_ssize_t _mac_size(Py_ssize_t length) noexcept
cdef Py_ssize_t _stream_size(Py_ssize_t length) noexcept

@cython.locals(index=Py_ssize_t)
cdef void _add(unsigned char* blocks, Py_ssize_t at, unsigned char* block) noexcept

@cython.locals(most=Py_ssize_t, text=bytes)
cpdef Py_ssize_t longest(list texts)

@cython.locals(size=Py_ssize_t, made=bytearray, blocks=cython.p_uchar, at=Py_ssize_t, text=bytes, length=Py_ssize_t,
               source=cython.p_uchar, index=Py_ssize_t, end=Py_ssize_t)
cpdef bytearray mac_blocks(list texts, bytes short, bytes last, bytes whole, bytes cut)

@cython.locals(count=Py_ssize_t, states=bytearray, number=Py_ssize_t, step=bytearray, used=Py_ssize_t)
cpdef bytes chained(list texts, bytearray blocks, object encipher)

@cython.locals(size=Py_ssize_t, made=bytearray, blocks=cython.p_uchar, starts=cython.p_uchar, at=Py_ssize_t,
               iv=Py_ssize_t, text=bytes, number=Py_ssize_t, index=Py_ssize_t, low=cython.ulonglong)
cpdef bytearray counters(list texts, bytes ivs)

@cython.locals(tokens=list, most=Py_ssize_t, head=Py_ssize_t, sealed_bytes=bytearray, row_bytes=bytearray,
               sealed=cython.p_uchar, row=cython.p_uchar, starts=cython.p_uchar, keys=cython.p_uchar,
               letters=cython.p_uchar, iv=Py_ssize_t, at=Py_ssize_t, text=bytes, length=Py_ssize_t,
               source=cython.p_uchar, index=Py_ssize_t, end=Py_ssize_t, place=Py_ssize_t, group=cython.ulonglong)
cpdef list spelled(list texts, bytes ivs, bytes stream, bytes prefix)

@cython.locals(at=Py_ssize_t, used=Py_ssize_t, state=Py_ssize_t, text=bytes, size=Py_ssize_t, start=Py_ssize_t,
               index=Py_ssize_t)
cdef Py_ssize_t _step(list texts, unsigned char* blocks, unsigned char* states, unsigned char* step, Py_ssize_t number) noexcept

@cython.locals(used=Py_ssize_t, state=Py_ssize_t, text=bytes, index=Py_ssize_t)
cdef _take_step(list texts, unsigned char* states, unsigned char* enciphered, Py_ssize_t number)
