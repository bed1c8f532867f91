# Types for Cython; see number_loops.py.
cimport cython

cdef bint _COMPILED
cdef Py_ssize_t _ROUNDS
cdef Py_ssize_t _BLOCK
cdef int _MINUS
cdef int _ZERO
cdef Py_ssize_t _LONGEST
cdef int _NO_DIGIT
cdef int _SEPARATOR
cdef int _DIGIT
cdef bytes _CHARACTERS

@cython.locals(high=cython.ulonglong, low=cython.ulonglong, width=int, count=Py_ssize_t, blocks=bytearray, step=int,
               number=cython.ulonglong, modulus=cython.ulonglong, target="unsigned long long[::1]",
               source="unsigned long long[::1]", first=cython.ulonglong, second=cython.ulonglong, index=Py_ssize_t,
               enciphered=bytes, rest=cython.ulonglong, total=cython.ulonglong)
cpdef rounds(unsigned long long[::1] left, unsigned long long[::1] right, tuple fixed, tuple values, object encipher,
             bint forward)

@cython.locals(values="long long[::1]", place=Py_ssize_t, cell=bytes, length=Py_ssize_t, source=cython.p_uchar,
               start=Py_ssize_t, magnitude=cython.ulonglong, index=Py_ssize_t, digit=int)
cpdef read_numbers(list cells)

@cython.locals(cells=list, buffer=bytearray, row=cython.p_uchar, place=Py_ssize_t, rest=cython.ulonglong,
               start=Py_ssize_t)
cpdef list write_numbers(long long[::1] numbers)

@cython.locals(count=Py_ssize_t, members=bytearray, place=Py_ssize_t, below=bint, magnitude=cython.ulonglong,
               ends="unsigned long long[::1]", index=Py_ssize_t)
cpdef bytearray classed(long long[::1] numbers, unsigned long long[::1] positive, unsigned long long[::1] negative)

@cython.locals(count=Py_ssize_t, places="long long[::1]", index=Py_ssize_t, place=Py_ssize_t)
cpdef places_of(bytearray members, int member)

@cython.locals(count=Py_ssize_t, left="unsigned long long[::1]", right="unsigned long long[::1]", index=Py_ssize_t,
               value=cython.ulonglong)
cpdef tuple halved(long long[::1] numbers, long long[::1] places, unsigned long long first, unsigned long long base)

@cython.locals(outside=Py_ssize_t, index=Py_ssize_t, value=cython.ulonglong)
cpdef Py_ssize_t joined(long long[::1] numbers, long long[::1] places, unsigned long long[::1] left,
                        unsigned long long[::1] right, unsigned long long first, unsigned long long base,
                        unsigned long long size, bint negative)

@cython.locals(counts=bytearray, kinds=cython.p_uchar, place=Py_ssize_t, cell=bytes, source=cython.p_uchar,
               count=Py_ssize_t, index=Py_ssize_t, kind=int)
cpdef bytearray digit_counts(list cells, Py_ssize_t most)

@cython.locals(count=Py_ssize_t, left="unsigned long long[::1]", right="unsigned long long[::1]", number=Py_ssize_t,
               cell=bytes, source=cython.p_uchar, seen=Py_ssize_t, first=cython.ulonglong, second=cython.ulonglong,
               index=Py_ssize_t, digit=int)
cpdef tuple read_digits(list cells, long long[::1] places, Py_ssize_t left_digits)

@cython.locals(number=Py_ssize_t, cell=bytes, made=bytearray, source=cython.p_uchar, rest=cython.ulonglong,
               seen=Py_ssize_t, back=Py_ssize_t, index=Py_ssize_t)
cpdef write_digits(list cells, long long[::1] places, unsigned long long[::1] left, unsigned long long[::1] right,
                   Py_ssize_t right_digits, list done)

cdef bytes _cut(unsigned char* row, Py_ssize_t start, Py_ssize_t stop)

@cython.locals(target=cython.p_uchar)
cdef void _put_word(bytearray blocks, Py_ssize_t at, unsigned long long word) noexcept

@cython.locals(source=cython.p_uchar, high=cython.ulonglong, low=cython.ulonglong)
cdef unsigned long long _word(bytes data, Py_ssize_t at) noexcept

cdef unsigned long long _wide(unsigned char byte) noexcept

@cython.locals(index=int)
cdef unsigned long long _extended(unsigned long long rest, unsigned long long tail, unsigned long long modulus) noexcept

@cython.locals(above=cython.ulonglong)
cdef unsigned long long _magnitude(long long value) noexcept

@cython.locals(below=cython.longlong)
cdef long long _signed(unsigned long long magnitude, bint negative) noexcept
