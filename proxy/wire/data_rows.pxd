# Types for Cython; see data_rows.py.
cimport cython

cdef int _COPY_DATA
cdef Py_ssize_t _TRAILER
cdef Py_ssize_t _HEADER_SIZE
cdef Py_ssize_t _NULL
cdef bint _COMPILED

@cython.locals(source=cython.p_uchar, size=Py_ssize_t, count=Py_ssize_t, flags=bytearray, last=Py_ssize_t,
               columns=list, length=Py_ssize_t, found=Py_ssize_t, stop=Py_ssize_t, at=Py_ssize_t, number=Py_ssize_t, index=Py_ssize_t, cell=Py_ssize_t)
cpdef tuple take_cells(bytes data, Py_ssize_t pos, int tag, object wanted)

@cython.locals(source=cython.p_uchar, flags=bytearray, last=Py_ssize_t, size=Py_ssize_t,
               column=list, new=bytes, made=bytearray,
               used=Py_ssize_t, row=Py_ssize_t, stop=Py_ssize_t, head=Py_ssize_t, done=Py_ssize_t, at=Py_ssize_t,
               number=Py_ssize_t, index=Py_ssize_t, cell=Py_ssize_t, length=Py_ssize_t)
cpdef bytes put_cells(bytes data, Py_ssize_t pos, Py_ssize_t end, object wanted, list columns)

cdef bytes _cut(unsigned char* row, Py_ssize_t start, Py_ssize_t stop)

@cython.locals(first=Py_ssize_t)
cdef Py_ssize_t _int32(unsigned char* data, Py_ssize_t at) noexcept

cdef void _put_int32(unsigned char* made, Py_ssize_t at, Py_ssize_t number) noexcept

@cython.locals(target=cython.p_uchar, source=cython.p_uchar, index=Py_ssize_t)
cdef void _copy(bytearray made, Py_ssize_t at, bytes data, Py_ssize_t start, Py_ssize_t stop) noexcept
