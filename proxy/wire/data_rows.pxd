# Types for Cython; see data_rows.py.
cimport cython

@cython.locals(first=Py_ssize_t)
cdef Py_ssize_t _int32(bytes data, Py_ssize_t at)

@cython.locals(size=Py_ssize_t, count=Py_ssize_t, width=Py_ssize_t, last=Py_ssize_t, index=Py_ssize_t, flags=bytearray,
               places=list, cells=list, length=Py_ssize_t, stop=Py_ssize_t, at=Py_ssize_t, cell=Py_ssize_t)
cpdef tuple take_cells(bytes data, Py_ssize_t pos, object wanted)

@cython.locals(width=Py_ssize_t, stride=Py_ssize_t, rows=Py_ssize_t, pieces=list, row=Py_ssize_t, base=Py_ssize_t,
               start=Py_ssize_t, stop=Py_ssize_t, grown=Py_ssize_t, head=Py_ssize_t, done=Py_ssize_t, index=Py_ssize_t,
               at=Py_ssize_t, old_size=Py_ssize_t, new_size=Py_ssize_t, new=bytes)
cpdef bytes put_cells(bytes data, Py_ssize_t end, list places, list cells)
